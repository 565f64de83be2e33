"""The stylesheets and scripts that a manifest names, copied with what they reach, and how pages use each.

Public: `EntryFiles`, `copy_entries`.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from bff.contracts.asset import Asset
from bff.contracts.podium_url import resolve
from shell.composition.release import AssetUse
from shell.registry.asset_data import Kind, attributes_of
from shell.registry.file_types import FileType, type_of
from shell.registry.release_folder import Get, PublishRefused, ReleaseFolder

_WANTED = {"css": "text/css", "js": "text/javascript or application/javascript"}
_INTEGRITY = re.compile(r"(sha256|sha384|sha512)-([A-Za-z0-9+/]+={0,2})(?:\?\S*)?")
_STRONGEST = ("sha512", "sha384", "sha256")


@dataclass(slots=True)
class EntryFiles:
    """Keys of files of one kind in their order, how pages use those that they do not use always, what was left out."""

    keys: list[str] = field(default_factory=list)
    uses: dict[str, AssetUse] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, key: str, use: AssetUse) -> None:
        """One more file. The same one that is listed twice is used wherever either says."""
        if key in self.keys:
            use = _either(self.uses.pop(key, AssetUse()), use)
        else:
            self.keys.append(key)
        if use != AssetUse():
            self.uses[key] = use


async def copy_entries(folder: ReleaseFolder, get: Get, kind: Kind, assets: Sequence[Asset]) -> EntryFiles:
    """What of `assets` a browser would use, in `folder`; raises `PublishRefused`."""
    entries = EntryFiles()
    for index, asset in enumerate(assets):
        where = f"{kind}[{index}]"
        if unused := asset.unused_style() if kind == "css" else asset.unused_script():
            entries.notes.append(f"{where}: no page uses {asset.value}, as {unused}")
            continue
        url = resolve(folder.release.manifest_url, asset.value)
        response = await get(where, url)
        served = _type(where, kind, response.headers.get("content-type"))
        if kind == "js":
            _check_integrity(where, asset.integrity, response.body)
        in_roots = kind == "css" and asset.strategy == "shadow-dom"
        key = folder.add_entry(where, url, response, served, in_roots=in_roots)
        classic = kind == "js" and not asset.is_module
        if classic and folder.is_module(key):
            classic = False
            entries.notes.append(f"{where}: runs as the module that it is; say type: module, for elsewhere it fails")
        media, data = asset.media if kind == "css" else "", attributes_of(kind, asset)
        if in_roots and data:
            entries.notes.append(f"{where}: its data stands nowhere, as the link is your own HTML's; write it there")
        entries.add(key, AssetUse(media, asset.scope, classic, in_roots, data))
    return entries


def _type(where: str, kind: Kind, content_type: str | None) -> FileType:
    served = type_of(content_type)
    if served is None or not (served.is_style if kind == "css" else served.is_script):
        name = (content_type or "").partition(";")[0].strip().lower()
        raise PublishRefused(f"{where}: served as {name or 'no type'}; wanted {_WANTED[kind]}")
    return served


def _check_integrity(where: str, integrity: str, body: bytes) -> None:
    """As a browser does: one hash of the strongest algorithm has to match; text that is no hash is ignored."""
    hashes = _INTEGRITY.findall(integrity)
    for name in _STRONGEST:
        if wanted := [value for algorithm, value in hashes if algorithm == name]:
            there = base64.b64encode(hashlib.new(name, body).digest()).decode()
            if there not in wanted:
                raise PublishRefused(f"{where}: the file's {name} is {there}, which its integrity does not name")
            return


def _either(one: AssetUse, other: AssetUse) -> AssetUse:
    media = f"{one.media}, {other.media}" if one.media and other.media and one.media != other.media else ""
    scope = one.scope if one.scope == other.scope else "all"
    return AssetUse(
        one.media if one.media == other.media else media,
        scope,
        one.classic and other.classic,
        one.in_roots and other.in_roots,
        tuple({**dict(other.data), **dict(one.data)}.items()),
    )
