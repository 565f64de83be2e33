"""The guard: drills may break the environments on a list, and no other.

Public: `Environment`, `Guarded`, `NotAllowed`, `allow`, `load`, `FILE`.
"""

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import yaml

FILE = Path(__file__).parents[1] / "files" / "environments.yaml"
PORTS = {"http": 80, "https": 443}


class NotAllowed(Exception):
    """This environment, scope or duration is not on the list; the message says which and why."""


class Environment(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`targets` are origins; `:*` stands for any port. `scopes`: whom faults may hit there. `for_s_max`: how long a
    fault may last, in seconds."""

    name: str
    targets: list[str]
    scopes: list[str] = msgspec.field(default_factory=lambda: ["session"])
    for_s_max: float = 3600


class Guarded(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    environments: list[Environment]


def load(file: Path = FILE) -> Guarded:
    """The list in `file`. Raises `NotAllowed` if it can not be read: without a list nothing may be drilled."""
    try:
        return msgspec.convert(yaml.safe_load(file.read_text("utf-8")), Guarded)
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise NotAllowed(f"{file} is not a list of environments that may be drilled: {reason}") from error


def allow(base_url: str, scopes: Iterable[str], for_s: float, guarded: Guarded) -> Environment:
    """The environment that `base_url` is in; raises `NotAllowed` where it, a scope or the length is not on the list."""
    origin = _origin(base_url)
    found = next((each for each in guarded.environments if any(_matches(origin, on) for on in each.targets)), None)
    if found is None:
        there = "; ".join(f"{each.name}: {', '.join(each.targets)}" for each in guarded.environments) or "none"
        raise NotAllowed(
            f"{base_url} is not on the list of environments that may be drilled ({there}): it may have real players. "
            "If you are responsible for it, list it in a file of your own and pass --environments FILE"
        )
    for scope in scopes:
        if scope not in found.scopes:
            raise NotAllowed(
                f"{found.name} may be drilled with the scope {' or '.join(found.scopes)} only, because others use it, "
                f"and this drill has the scope {scope}: try --scope {found.scopes[0]}"
            )
    if for_s > found.for_s_max:
        raise NotAllowed(
            f"{found.name} may be broken for at most {found.for_s_max:g} s, and this drill lasts {for_s:g} s"
        )
    return found


def _origin(url: str) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise NotAllowed(f"{url} is not an address; write http://host:port") from error
    if parts.scheme not in PORTS or not parts.hostname or parts.username or parts.path.strip("/") or parts.query:
        raise NotAllowed(f"{url} is not the address of a site; write http://host:port, without a path or a user name")
    return parts.scheme, parts.hostname, port or PORTS[parts.scheme]


def _matches(origin: tuple[str, str, int], allowed: str) -> bool:
    any_port = allowed.endswith(":*")
    scheme, host, port = _origin(allowed.removesuffix(":*"))
    return origin[:2] == (scheme, host) and (any_port or origin[2] == port)
