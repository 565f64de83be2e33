"""Which environments may be drilled: those on a list, and no other.

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
    """The message says what is refused, and why."""


class Environment(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`targets` are origins, a star stands for any port. `scopes`: for whom faults may be there. `for_s_max`: how long
    at most."""

    name: str
    targets: list[str]
    scopes: list[str] = msgspec.field(default_factory=lambda: ["session"])
    for_s_max: float = 3600


class Guarded(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    environments: list[Environment]


def load(file: Path = FILE) -> Guarded:
    """The list in `file`; raises `NotAllowed`, as no list allows nothing."""
    try:
        return msgspec.convert(yaml.safe_load(file.read_text("utf-8")), Guarded)
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise NotAllowed(f"{file} does not say which environments may be drilled: {reason}") from error


def allow(base_url: str, scopes: Iterable[str], for_s: float, guarded: Guarded) -> Environment:
    """The environment that `base_url` is in; raises `NotAllowed` where it, a scope or the length is not on the list."""
    origin = _origin(base_url)
    found = next((each for each in guarded.environments if any(_matches(origin, on) for on in each.targets)), None)
    if found is None:
        there = "; ".join(f"{each.name}: {', '.join(each.targets)}" for each in guarded.environments) or "none"
        raise NotAllowed(
            f"{base_url} is not on the list of environments that may be drilled ({there}), as players may be there: "
            "whoever answers for it adds it to a list of its own, for --environments FILE"
        )
    for scope in scopes:
        if scope not in found.scopes:
            raise NotAllowed(
                f"{found.name} may be drilled for {' and '.join(found.scopes)} alone, as others use it, and this drill "
                f"is for {scope}: try --scope {found.scopes[0]}"
            )
    if for_s > found.for_s_max:
        raise NotAllowed(
            f"{found.name} may be broken for {found.for_s_max:g} s at most, and this drill lasts {for_s:g} s"
        )
    return found


def _origin(url: str) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise NotAllowed(f"{url} is no address: http://host:port is wanted") from error
    if parts.scheme not in PORTS or not parts.hostname or parts.username or parts.path.strip("/") or parts.query:
        raise NotAllowed(f"{url} is no address of a site: http://host:port is wanted, without a path or a name in it")
    return parts.scheme, parts.hostname, port or PORTS[parts.scheme]


def _matches(origin: tuple[str, str, int], allowed: str) -> bool:
    any_port = allowed.endswith(":*")
    scheme, host, port = _origin(allowed.removesuffix(":*"))
    return origin[:2] == (scheme, host) and (any_port or origin[2] == port)
