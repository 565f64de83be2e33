"""A published release as the page path sees it: immutable, in memory, no database.

Public: `Trust`, `StoredAsset`, `AssetUse`, `Release`, `Snapshot`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

from bff.contracts import podium_url
from bff.contracts.asset import Scope
from bff.contracts.manifest import Manifest
from shell.composition.contain import Isolation
from shell.composition.content_coding import CodedBody


class Trust(StrEnum):
    """How far operators trust a fragment; what is not trusted has no script, and nothing in it makes one act."""

    FIRST_PARTY = "first-party"
    SANDBOXED = "sandboxed"


@dataclass(frozen=True, slots=True)
class StoredAsset:
    """A stylesheet or module under `/assets/<digest>`; `digest` is the SHA-256 of its plain body, in hex."""

    digest: str
    content_type: str
    body: CodedBody


@dataclass(frozen=True, slots=True)
class AssetUse:
    """When pages use an asset: where its `media` fits, with the content or with the fallback."""

    media: str = ""
    scope: Scope = "all"


_EVERYWHERE = AssetUse()


@dataclass(frozen=True, slots=True)
class Release:
    """One published version of a fragment. `css` and `js` are digests, in the manifest's order.

    `fallback` is empty where the manifest names none. `versioned` is whether the origin says `podlet-version`: one that
    does always does, so an answer without it is somebody else's; a plain server never does. What its origin deploys
    is published by itself where operators say `follow`.
    """

    fragment: str
    digest: str
    manifest: Manifest
    manifest_url: str
    fallback: bytes
    css: tuple[str, ...]
    js: tuple[str, ...]
    uses: Mapping[str, AssetUse] = field(default_factory=lambda: MappingProxyType({}))
    versioned: bool = True
    trust: Trust = Trust.SANDBOXED
    follow: bool = False

    # Worked out once: what has no script needs no tree in common with the page, and stands in a root of its own.
    sandboxed: bool = field(init=False)
    isolation: Isolation = field(init=False)

    def __post_init__(self) -> None:
        sandboxed = self.trust is not Trust.FIRST_PARTY
        object.__setattr__(self, "sandboxed", sandboxed)
        object.__setattr__(self, "isolation", "shadow" if sandboxed else self.manifest.mullion.isolation)

    def use(self, digest: str) -> AssetUse:
        """How pages use this asset."""
        return self.uses.get(digest, _EVERYWHERE)

    def styles(self, scope: Scope) -> tuple[str, ...]:
        """The stylesheets of its content or of its fallback."""
        return tuple(digest for digest in self.css if self.use(digest).scope in (scope, "all"))

    def modules(self, scope: Scope) -> tuple[str, ...]:
        """The scripts that pages run with its content or with its fallback."""
        return () if self.sandboxed else tuple(each for each in self.js if self.use(each).scope in (scope, "all"))

    def content_url(self, pathname: str) -> str:
        """Where this release renders `pathname`; Podium appends it to the manifest's `content`."""
        return _content_url(self.manifest_url, self.manifest.content, pathname)

    def proxy_url(self, name: str, rest: str) -> str | None:
        """Where a request to the proxy target `name` goes, or None when the manifest declares no such target.

        `rest` is the path below the target as it stands in a URL; an empty one asks for the target itself.
        """
        target = self.manifest.proxies.get(name)
        if target is None:
            return None
        path, mark, query = podium_url.resolve(self.manifest_url, target).partition("?")
        return path.rstrip("/") + ("/" + rest if rest else "") + mark + query


# The same few addresses are asked for all the time.
@lru_cache(maxsize=4096)
def _content_url(manifest_url: str, content: str, pathname: str) -> str:
    return podium_url.append(podium_url.resolve(manifest_url, content), pathname)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is live at `generation`. One page view uses one snapshot from its first byte to its last."""

    generation: int = 0
    releases: Mapping[str, Release] = field(default_factory=lambda: MappingProxyType({}))
    assets: Mapping[str, StoredAsset] = field(default_factory=lambda: MappingProxyType({}))
