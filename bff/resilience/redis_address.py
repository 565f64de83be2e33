"""Where a Valkey or Redis is: one server, the primary that Sentinel names, or a cluster.

Public: `RedisAddress`, `read_address`, `SHARED`, `SCHEMES`.

    redis://, rediss://, unix://                                   one server, as redis-py writes it
    sentinel://[user:password@]host[:26379][,host…]/name[/db]      the primary that these Sentinels call `name`
    cluster://[user:password@]host[:6379][,host…]                  a cluster that these nodes belong to

`sentinels://` and `clusters://` speak TLS. redis-py's options may follow (`?ssl_ca_certs=…`); `sentinel_username` and
`sentinel_password` are for Sentinel itself. Reads words only: no I/O, and no password in any error.
"""

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

Node = tuple[str, int]

# A cluster keeps all keys with the same word in braces on one node, and a script or transaction needs that of its keys.
# What several houses share stands under this one.
SHARED = "mullion"

_TLS = {"sentinel": "redis", "sentinels": "rediss", "cluster": "redis", "clusters": "rediss"}
SCHEMES = ("redis", "rediss", "unix", *_TLS)
_FORMS = {
    "sentinel": "sentinel://host:port[,host:port]/name[/db]",
    "cluster": "cluster://host:port[,host:port]",
}


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """`server` is redis-py's URL of the one server, or, where `nodes` have to be asked, of whichever they name."""

    server: str = field(repr=False)
    found_by: Literal["", "sentinel", "cluster"] = ""
    nodes: tuple[Node, ...] = ()
    name: str = ""
    sentinel_username: str = ""
    sentinel_password: str = field(default="", repr=False)

    @property
    def tls(self) -> bool:
        return self.server.startswith("rediss:")

    def key(self, name: str, *, group: str = SHARED) -> str:
        """`name`, on a cluster with the word that keeps it with the others of its `group`.

        Elsewhere it stays as it is: one server needs no such word, and what it holds was written without.
        """
        return f"{{{group}}}:{name}" if self.found_by == "cluster" else name


def read_address(url: str) -> RedisAddress:
    """What `url` says. ValueError for what is no address of these."""
    scheme, _, rest = url.partition("://")
    if scheme not in _TLS:
        return RedisAddress(url)
    kind: Literal["sentinel", "cluster"] = "sentinel" if scheme.startswith("sentinel") else "cluster"
    path_from = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
    user, _, hosts = rest[:path_from].rpartition("@")
    parts = urlsplit(rest[path_from:])
    nodes = tuple(_node(each, kind) for each in hosts.split(","))
    options = dict(parse_qsl(parts.query))
    own = {name: options.pop(name, "") for name in ("sentinel_username", "sentinel_password")}
    name, db = _named(parts.path, kind)
    if kind == "cluster" and any(own.values()):
        raise _refused("sentinel_username and sentinel_password belong to sentinel://, not to cluster://", kind)
    # The place is filled in when one is found; this one is never called.
    server = f"{_TLS[scheme]}://{_signed(user)}found:1/{db}" + (f"?{urlencode(options)}" if options else "")
    return RedisAddress(server, kind, nodes, name, **own)


def _named(path: str, kind: Literal["sentinel", "cluster"]) -> tuple[str, int]:
    """The primary's name and the number of the database."""
    words = [unquote(word) for word in path.split("/")[1:] if word]
    if kind == "cluster":
        if words not in ([], ["0"]):
            raise _refused("a cluster has one database, 0, and no name", kind)
        return "", 0
    if not words:
        raise _refused("the primary's name is missing, which Sentinel knows it by", kind)
    if len(words) > 2 or not all(word.isascii() and word.isdigit() for word in words[1:]):
        raise _refused("after the primary's name comes nothing but the number of a database", kind)
    return words[0], int(words[1]) if len(words) == 2 else 0


def _node(text: str, kind: Literal["sentinel", "cluster"]) -> Node:
    try:
        parts = urlsplit(f"//{text.strip()}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or text.strip().endswith(":"):
        raise _refused("a node in it has no host, or no number for its port", kind)
    return host, port if port is not None else 26379 if kind == "sentinel" else 6379


def _signed(user: str) -> str:
    if not user:
        return ""
    name, _, password = user.partition(":")
    return f"{quote(unquote(name), safe='')}:{quote(unquote(password), safe='')}@"


def _refused(why: str, kind: Literal["sentinel", "cluster"]) -> ValueError:
    return ValueError(f"REDIS_URL or BROKER_URL is refused: {why}. It is written {_FORMS[kind]}")
