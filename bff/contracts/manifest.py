"""A fragment's contract: Podium's v5 manifest and one key of ours.

Public: `Manifest`, `Extension`, `ManifestRefused`, `parse`, `check_extension`.
Source: Podium's manifest schema v5 (`@podium/schemas`). Its addresses are read by `podium_url`, its assets by `asset`.
"""

from difflib import get_close_matches
from typing import Annotated, Literal

import msgspec

from bff.contracts import text
from bff.contracts.asset import Asset, Url

# The contract that is spoken here; a manifest of a later one may say more.
CONTRACT = 1
_OPERATORS = frozenset({"trust", "follow"})
# Keys without a meaning that published manifests have: they are taken and change nothing.
_WITHOUT_MEANING = frozenset({"sunset"})
NAME_PATTERN = "^[a-z][a-z0-9-]{0,62}$"
MANIFEST_BYTES_MAX = 64 * 1024
ASSETS_MAX = 64
VERSION_CHARS_MAX = 128
PROXIES_MAX = 4

# \Z, as $ lets a line end through.
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9_-]{1,100}\Z")]
# An empty one is the manifest's own folder.
Target = Annotated[str, msgspec.Meta(max_length=2048)]
# Where links may lead besides the shell's own pages, and pictures come from: `https://help.example`.
Origin = Annotated[str, msgspec.Meta(pattern=r"^https?://[a-z0-9][a-z0-9.-]{0,252}(:[0-9]{1,5})?\Z")]
# What the fragment calls, by the names that its `Fragment-State` uses: `bff-queries`.
UpstreamName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9.-]{0,62}\Z")]
DeadlineMs = Annotated[int, msgspec.Meta(ge=50, le=5000)]
Pathname = Annotated[str, msgspec.Meta(pattern=r"^/[A-Za-z0-9_.-]{1,64}\Z")]
# Below the manifest's own folder, as all addresses: `/static`. Never all of an origin.
StaticPrefix = Annotated[str, msgspec.Meta(pattern=r"^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,63}){1,8}/?\Z")]
Audience = Literal["shared", "player"]


class Extension(msgspec.Struct, frozen=True):
    """What Mullion adds under `"mullion"`. Every field has a default, so an unmodified podlet is a fragment.

    `player_paths` are first segments of pathnames that an otherwise shared fragment renders for one player. `upstreams`
    are the names under which it may say who failed behind it, beside its `feeds`; any other name counts as none.
    `visitors` names the proxies that answer who is not signed in, too. Pictures and fonts below a prefix of `static`
    come from the fragment's origin through the shell. A `function` sleeps and wakes: an answer may take `cold_ms_max`,
    for which no page waits, and one process of the shell calls it `concurrency_max` times at once.
    """

    contract: Annotated[int, msgspec.Meta(ge=1)] = 1
    owner: str = ""
    oncall: str = ""
    runbook: str = ""
    audience: Audience = "player"
    player_paths: Annotated[tuple[Pathname, ...], msgspec.Meta(max_length=8)] = ()
    isolation: Literal["shadow", "light"] = "light"
    deadline_ms: DeadlineMs = 800
    stale_s_max: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 0
    body_bytes_max: Annotated[int, msgspec.Meta(ge=1024, le=524_288)] = 262_144
    primary: bool = False
    topics: tuple[Annotated[str, msgspec.Meta(max_length=128)], ...] = ()
    feeds: tuple[Annotated[str, msgspec.Meta(max_length=128)], ...] = ()
    upstreams: Annotated[tuple[UpstreamName, ...], msgspec.Meta(max_length=16)] = ()
    links: Annotated[tuple[Origin, ...], msgspec.Meta(max_length=16)] = ()
    pictures: Annotated[tuple[Origin, ...], msgspec.Meta(max_length=16)] = ()
    static: Annotated[tuple[StaticPrefix, ...], msgspec.Meta(max_length=4)] = ()
    visitors: Annotated[tuple[Name, ...], msgspec.Meta(max_length=PROXIES_MAX)] = ()
    kind: Literal["service", "function"] = "service"
    cold_ms_max: Annotated[int, msgspec.Meta(ge=500, le=30_000)] = 10_000
    concurrency_max: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 64

    def audience_of(self, pathname: str) -> Audience:
        """For whom `pathname` is rendered: a player's path is never shared, whatever the rest is."""
        first = "/" + pathname.lstrip("/").partition("/")[0]
        return "player" if first in self.player_paths else self.audience


class ProxyTarget(msgspec.Struct, frozen=True):
    """One proxy as the list of Podium 6 writes it."""

    name: Name
    target: Url


class Manifest(msgspec.Struct, frozen=True):
    """Podium v5. `content` and `fallback` are URLs by Podium's rule; `proxy` maps a name to a target, or lists both."""

    name: Name
    version: Annotated[str, msgspec.Meta(min_length=1, max_length=VERSION_CHARS_MAX)]
    content: Url = "/"
    fallback: Target = ""
    css: Annotated[list[Asset], msgspec.Meta(max_length=ASSETS_MAX)] = []
    js: Annotated[list[Asset], msgspec.Meta(max_length=ASSETS_MAX)] = []
    proxy: (
        Annotated[dict[Name, Target], msgspec.Meta(max_length=PROXIES_MAX)]
        | Annotated[list[ProxyTarget], msgspec.Meta(max_length=PROXIES_MAX)]
    ) = {}
    mullion: Extension = msgspec.field(default_factory=Extension)

    @property
    def proxies(self) -> dict[str, str]:
        """Targets by name, however they are written; the last of a name counts."""
        return self.proxy if isinstance(self.proxy, dict) else {each.name: each.target for each in self.proxy}


class ManifestRefused(Exception):
    """The manifest can not be used; the message names the field and what is wrong with it."""


def parse(body: bytes) -> Manifest:
    """The manifest in `body`, or `ManifestRefused`. Unknown fields are left alone, as Podium does."""
    if len(body) > MANIFEST_BYTES_MAX:
        raise ManifestRefused(f"the manifest has {len(body)} bytes; at most {MANIFEST_BYTES_MAX} are read")
    try:
        return text.decode(body, Manifest)
    except msgspec.ValidationError as error:
        raise ManifestRefused(str(error)) from error
    except text.TextRefused as error:
        raise ManifestRefused(f"the manifest is no plain text: {error}") from error
    except msgspec.DecodeError as error:
        raise ManifestRefused(f"the manifest is not JSON: {error}") from error


def check_extension(body: bytes, manifest: Manifest) -> None:
    """Raises `ManifestRefused` for a key under `mullion` that this contract does not have. (A later one may have it.)

    And for a name in `visitors` that is no proxy of the manifest's.

    `body` is what `manifest` was read from. Only publishing is so strict: what is live stays readable.
    """
    strangers = [name for name in manifest.mullion.visitors if name not in manifest.proxies]
    if strangers:
        raise ManifestRefused(f"mullion.visitors: {strangers[0]!r} is none of the manifest's proxies")
    written = msgspec.json.decode(body).get("mullion", {})
    names = [field.name for field in msgspec.structs.fields(Extension)]
    unknown = [name for name in written if name not in names and name not in _WITHOUT_MEANING]
    if manifest.mullion.contract > CONTRACT or not unknown:
        return
    name = unknown[0]
    if name in _OPERATORS:
        hint = "that is for operators to set, with `manage.py fragment`"
    else:
        near = get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(names)}"
    raise ManifestRefused(f"mullion.{name[:64]}: there is no such key; {hint}")
