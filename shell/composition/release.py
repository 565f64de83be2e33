"""A published release as the page path sees it: immutable, in memory, no database.

Public: `Trust`, `ForeignOrigins`, `NO_FOREIGN_ORIGINS`, `WarmUp`, `StoredAsset`, `AssetUse`, `Role`, `Release`,
`Canary`, `Snapshot`, `ASSETS_PREFIX`, `ORIGIN_FOLDER`, `RELEASE_CHARS`, `asset_url`, `path_of`.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from django.utils.crypto import salted_hmac

from bff.contracts import podium_url
from bff.contracts.asset import Scope
from bff.contracts.manifest import Manifest
from shell.composition.contain import Isolation
from shell.composition.contain.origin_prefix import NO_PREFIX, OriginPrefix
from shell.composition.contain.pictures import CopiedFiles
from shell.composition.content_coding import CodedBody

ASSETS_PREFIX = "/assets/"
# No release's own folder begins so: what follows is the release's digest, shortened.
ORIGIN_FOLDER = "at-"
RELEASE_CHARS = 12
_PICTURE_SALT = "shell.composition.pictures"
_PATH_SAFE = "/-._~!$&()*+,;=:@"


class Trust(StrEnum):
    """How far operators trust a fragment; what is not trusted has no script, and nothing in it makes one act."""

    FIRST_PARTY = "first-party"
    SANDBOXED = "sandboxed"


class ForeignOrigins(NamedTuple):
    """Foreign origins: of pictures, if its manifest declares them too, and of frames."""

    pictures: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()


NO_FOREIGN_ORIGINS = ForeignOrigins()


@dataclass(frozen=True, slots=True)
class WarmUp:
    """So many environments of a function are to be warm `minutes_before` the moment `at` (UTC), and until then."""

    fragment: str
    at: datetime
    environments: int
    minutes_before: int
    why: str

    @property
    def begins_at(self) -> datetime:
        return self.at - timedelta(minutes=self.minutes_before)


class Role(StrEnum):
    """What a release is to pages: live, tried on a share of visitors, or live before and still on open pages;
    or shown to one browser alone."""

    STABLE = "stable"
    CANARY = "canary"
    EARLIER = "earlier"
    PREVIEW = "preview"


@dataclass(frozen=True, slots=True)
class StoredAsset:
    """A file of a release; `digest` is the SHA-256 of its plain body, in hex."""

    digest: str
    content_type: str
    body: CodedBody


@dataclass(frozen=True, slots=True)
class AssetUse:
    """When pages use an asset: where its `media` fits, with the content or with the fallback; and how a script runs.

    One that is `in_roots` styles shadow roots that the HTML brings along and links it, and nothing outside of them.
    `data` are names, each `data-…`, and values of what stands on the element that loads it.
    """

    media: str = ""
    scope: Scope = "all"
    classic: bool = False
    # What is written down of other releases stays as it was.
    in_roots: bool = field(default=False, repr=False)
    data: tuple[tuple[str, str], ...] = field(default=(), repr=False)


_EVERYWHERE = AssetUse()


@dataclass(frozen=True, slots=True)
class Release:
    """One published version of a fragment. `css` and `js` are keys of `files`, in the manifest's order.

    `files` has the digest of each file of the release by its path, and `folder` is what they lie under; `lifted` are
    stylesheets for the document itself, which fonts of a shadow root need. Releases of
    before there were folders have digests for keys. `fallback` is empty where the manifest names none. `versioned` is
    whether the origin says `podlet-version`: one that does always does, so an answer without it is somebody else's; a
    plain server never does. What its origin deploys is published by itself where operators say `follow`; `shown` is
    what of other origins they let it show. One on a team's `own_machine` hears of no player.
    `tag` names the release in the addresses of its slots, signed; it is empty where pages can hold no other.
    """

    fragment: str
    digest: str
    manifest: Manifest
    manifest_url: str
    fallback: bytes
    css: tuple[str, ...]
    js: tuple[str, ...]
    uses: Mapping[str, AssetUse] = field(default_factory=lambda: MappingProxyType({}))
    files: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    folder: str = ""
    lifted: tuple[str, ...] = ()
    versioned: bool = True
    trust: Trust = Trust.SANDBOXED
    follow: bool = False
    own_machine: bool = False
    shown: ForeignOrigins = NO_FOREIGN_ORIGINS
    role: Role = Role.STABLE
    tag: str = ""

    # Worked out once. `identity` is what the copies of its content go by: all that decides what comes of one body.
    # What has no script needs no tree in common with the page, and stands in a root of its own.
    identity: tuple[str, ...] = field(init=False, repr=False)
    sandboxed: bool = field(init=False)
    isolation: Isolation = field(init=False)
    pictures: CopiedFiles = field(init=False)
    sheets: CopiedFiles = field(init=False)

    def __post_init__(self) -> None:
        sandboxed = self.trust is not Trust.FIRST_PARTY
        object.__setattr__(self, "sandboxed", sandboxed)
        how = ("sandboxed" if sandboxed else "", *self.shown.pictures, "", *self.shown.frames)
        object.__setattr__(self, "identity", (self.fragment, self.digest, *how))
        folder = asset_url(self.fragment, self.folder, "") if self.files else ""
        object.__setattr__(self, "isolation", "shadow" if sandboxed else self.manifest.mullion.isolation)
        copied = CopiedFiles(self.content_url(""), folder, frozenset(self.files), self._prefix())
        object.__setattr__(self, "pictures", copied)
        # Those of a shared tree are scoped to the slot's element, which is no part of a root that the HTML brings.
        sheets = frozenset(key for key in self.css if self.isolation == "shadow" or self.use(key).in_roots)
        object.__setattr__(self, "sheets", CopiedFiles(self.content_url(""), folder, sheets))

    def _prefix(self) -> OriginPrefix:
        """What comes through the shell, under an address that names the release: another may have another origin."""
        declared = self.manifest.mullion.static
        if not declared:
            return NO_PREFIX
        parts = urlsplit(self.manifest_url)
        there = (urlsplit(podium_url.resolve(self.manifest_url, each)).path for each in declared)
        paths = tuple(unquote(path).rstrip("/") + "/" for path in there)
        folder = asset_url(self.fragment, f"{ORIGIN_FOLDER}{self.digest[:RELEASE_CHARS]}", "")
        key = salted_hmac(_PICTURE_SALT, f"{self.fragment}/{self.digest}", algorithm="sha256").digest()
        return OriginPrefix(folder, f"{parts.scheme}://{parts.netloc.lower()}", paths, key)

    def use(self, key: str) -> AssetUse:
        """How pages use this file."""
        return self.uses.get(key, _EVERYWHERE)

    def address(self, key: str) -> str:
        """Where pages find this file."""
        return asset_url(self.fragment, self.folder, key) if key in self.files else ASSETS_PREFIX + key

    def styles(self, scope: Scope) -> tuple[str, ...]:
        """The stylesheets of its content or of its fallback."""
        uses = ((key, self.use(key)) for key in self.css)
        return tuple(key for key, use in uses if use.scope in (scope, "all") and not use.in_roots)

    def scripts(self, scope: Scope, *, classic: bool) -> tuple[str, ...]:
        """The scripts that pages run with its content, or with its fallback: there only those that are for nothing
        else, as a script looks for what the content has."""
        if self.sandboxed:
            return ()
        scopes = (scope,) if scope == "fallback" else (scope, "all")
        return tuple(key for key in self.js if self.use(key).scope in scopes and self.use(key).classic is classic)

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


def asset_url(fragment: str, folder: str, key: str) -> str:
    """Where the file at `key` of this release is served."""
    return f"{ASSETS_PREFIX}{fragment}/{folder}/{path_of(key)}"


def path_of(key: str) -> str:
    """A file's key as it is written in an address: its path is decoded, its query is not."""
    path, mark, query = key.partition("?")
    return quote(path, safe=_PATH_SAFE) + mark + query


SHARE_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Canary:
    """A release that `share` of 10,000 visitors get, always the same ones; a higher share only adds to them.

    `salt` is this trial's own: the next one meets other people. `held_back` is the reason why its next step is not
    taken automatically.
    """

    release: Release
    share: int
    salt: bytes
    held_back: str = ""

    def takes(self, visitor: str) -> bool:
        """Whether `visitor` gets the canary; an anonymous request without a visitor id never does."""
        if not visitor:
            return False
        return int.from_bytes(hashlib.sha256(self.salt + visitor.encode()).digest()[:8]) % SHARE_MAX < self.share


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is live at `generation`. One page view uses one snapshot from its first byte to its last.

    `tagged` are all releases that open pages may name by their `tag`. `untagged` are, by fragment, those that drew
    pages from before there were tags, where that is not what is live. `pages` are the documents of published pages by
    name, and `scopes` what operators let fragments do for a player, where the registry says it. `rolled_back` says of
    trials of the last day why they ended. `previews` are releases that are shown to one browser each, by the preview's
    id; `preview` is that of the snapshot itself, for such a browser. `warm_ups` are those that are still to come.
    """

    generation: int = 0
    releases: Mapping[str, Release] = field(default_factory=lambda: MappingProxyType({}))
    assets: Mapping[str, StoredAsset] = field(default_factory=lambda: MappingProxyType({}))
    canaries: Mapping[str, Canary] = field(default_factory=lambda: MappingProxyType({}))
    tagged: Mapping[str, Release] = field(default_factory=lambda: MappingProxyType({}))
    untagged: Mapping[str, Release] = field(default_factory=lambda: MappingProxyType({}))
    pages: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))
    scopes: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    rolled_back: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    previews: Mapping[str, Release] = field(default_factory=lambda: MappingProxyType({}))
    preview: str = ""
    warm_ups: tuple[WarmUp, ...] = ()
    shows_others: bool = field(init=False)  # whether any release at all may show anything of another origin

    def __post_init__(self) -> None:
        object.__setattr__(self, "shows_others", any(any(release.shown) for release in self.in_use()))

    def release_for(self, fragment: str, visitor: str) -> Release | None:
        """The release for this visitor's pages; None where none is live."""
        if self.canaries and (canary := self.canaries.get(fragment)) is not None and canary.takes(visitor):
            return canary.release
        return self.releases.get(fragment)

    def drawn_by(self, fragment: str, tag: str) -> Release | None:
        """The release that rendered a slot with this `tag`; None where it is gone or was rolled back."""
        if not tag:
            return self.untagged.get(fragment) or self.releases.get(fragment)
        release = self.tagged.get(tag)
        return release if release is not None and release.fragment == fragment else None

    def release_again(self, fragment: str, tag: str, visitor: str, *, heals: bool) -> Release | None:
        """The release for a refetched slot of an open page: the one that rendered it before, so that the page does not
        mix two releases.

        A slot that has nothing of an earlier release to show, and so `heals`, is drawn by what is live.
        """
        release = self.drawn_by(fragment, tag)
        if release is None or (heals and release.role is Role.EARLIER):
            return self.release_for(fragment, visitor)
        return release

    def in_use(self) -> Iterator[Release]:
        """Every release that pages are or were drawn by."""
        yield from self.releases.values()
        yield from (canary.release for canary in self.canaries.values())
        yield from self.previews.values()
        yield from (release for release in self.tagged.values() if release.role is Role.EARLIER)
