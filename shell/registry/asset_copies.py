"""Copies of a release's stylesheets and scripts, checked, and how pages use each.

Public: `AssetCopies`, `copy_assets`, `PublishRefused`.
"""

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from bff.contracts.asset import Asset
from bff.contracts.podium_url import resolve
from bff.resilience.message import Response
from shell.composition.release import AssetUse, Release
from shell.registry import models
from shell.registry.scope import scoped
from shell.registry.stylesheet import reaches_out

CSS = "text/css"
JS = ("text/javascript", "application/javascript")
Kind = Literal["css", "js"]
# Fetches what a field names from an address that is allowed, or refuses.
Get = Callable[[str, str], Awaitable[Response]]
_INTEGRITY = re.compile(r"(sha256|sha384|sha512)-([A-Za-z0-9+/]+={0,2})(?:\?\S*)?")
_STRONGEST = ("sha512", "sha384", "sha256")


class PublishRefused(Exception):
    """The message says what is wrong, by field where there is one, and that nothing was changed."""


@dataclass(slots=True)
class AssetCopies:
    """Files by digest in their order, how pages use those that they do not use always, and what was left out."""

    files: dict[str, models.Asset] = field(default_factory=dict)
    uses: dict[str, AssetUse] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, content_type: str, body: bytes, use: AssetUse) -> None:
        """One more file. The same one that is listed twice is used wherever either says."""
        digest = hashlib.sha256(body).hexdigest()
        if digest in self.files:
            use = _either(self.uses.pop(digest, AssetUse()), use)
        self.files.setdefault(digest, models.Asset(digest=digest, content_type=content_type, body=body))
        if use != AssetUse():
            self.uses[digest] = use


async def copy_assets(get: Get, release: Release, kind: Kind, assets: list[Asset]) -> AssetCopies:
    """What of `assets` a browser would use, as pages get it; raises `PublishRefused`."""
    copies = AssetCopies()
    for index, asset in enumerate(assets):
        where = f"{kind}[{index}]"
        if unused := asset.unused_style() if kind == "css" else asset.unused_script():
            copies.notes.append(f"{where}: no page uses {asset.value}, as {unused}")
            continue
        response = await get(where, resolve(release.manifest_url, asset.value))
        use = AssetUse(asset.media if kind == "css" else "", asset.scope)
        if kind == "css":
            body, left_out = _style(where, release, response)
            copies.notes += [f"{where}: left out {what}" for what in left_out]
            copies.add(f"{CSS}; charset=utf-8", body, use)
        else:
            _check_type(where, response, JS)
            _check_integrity(where, asset.integrity, response.body)
            copies.add(f"{JS[0]}; charset=utf-8", response.body, use)
    return copies


def _style(where: str, release: Release, response: Response) -> tuple[bytes, tuple[str, ...]]:
    """(the stylesheet as pages get it, what was left out of it)."""
    _check_type(where, response, (CSS,))
    # A stylesheet that fetches another would put a foreign origin back on the page's path.
    if found := reaches_out(response.body):
        raise PublishRefused(
            f"{where}: the stylesheet fetches something else ({found}…). Inline it or list it in the manifest."
        )
    if release.isolation == "shadow":
        return response.body, ()
    body, left_out = scoped(response.body, release.fragment)
    if found := reaches_out(body):
        raise PublishRefused(f"{where}: the stylesheet fetches something else once it is scoped ({found}…)")
    return body, left_out


def _check_type(where: str, response: Response, wanted: tuple[str, ...]) -> None:
    served = (response.headers.get("content-type") or "").partition(";")[0].strip().lower()
    if served not in wanted:
        raise PublishRefused(f"{where}: served as {served or 'no type'}; wanted {' or '.join(wanted)}")


def _check_integrity(where: str, integrity: str, body: bytes) -> None:
    """As a browser does: of the strongest hash that is named any one has to fit; what is no hash says nothing."""
    hashes = _INTEGRITY.findall(integrity)
    for name in _STRONGEST:
        if wanted := [value for algorithm, value in hashes if algorithm == name]:
            there = base64.b64encode(hashlib.new(name, body).digest()).decode()
            if there not in wanted:
                raise PublishRefused(f"{where}: the file's {name} is {there}, which its integrity does not name")
            return


def _either(one: AssetUse, other: AssetUse) -> AssetUse:
    media = f"{one.media}, {other.media}" if one.media and other.media and one.media != other.media else ""
    return AssetUse(one.media if one.media == other.media else media, one.scope if one.scope == other.scope else "all")
