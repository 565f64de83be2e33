"""This process's fragment: its name, its manifest, its static files.

The name stands in `house.toml` and nowhere else; everything else that the manifest says is data in `manifest.json`.
The version ends in a digest of the fragment's own files, so two different contents never share one version.

Public: `House`, `StaticFile`, `load`, `this_house`.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import msgspec

from bff.contracts.manifest import NAME_PATTERN, Manifest, ManifestRefused, parse

KIT = Path(__file__).parent
_STATIC_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_CONTENT = frozenset({".py", ".html", ".css", ".js", ".json"})


class _Head(msgspec.Struct, frozen=True):
    name: Annotated[str, msgspec.Meta(pattern=NAME_PATTERN.removesuffix("$") + r"\Z")]


class _HouseFile(msgspec.Struct, frozen=True):
    """What a fragment reads of its `house.toml`; the rest is for who starts it."""

    house: _Head


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One declared asset. `etag` is quoted, as the header wants it."""

    body: bytes
    content_type: str
    etag: str


@dataclass(frozen=True, slots=True)
class House:
    """`static` maps a name below `/static/` to its file; only what the manifest declares is in it."""

    name: str
    folder: Path
    manifest: Manifest
    manifest_body: bytes
    static: dict[str, StaticFile]

    @property
    def version(self) -> str:
        """The release that this process serves."""
        return self.manifest.version


def load(folder: Path, environ: Mapping[str, str] = os.environ) -> House:
    """The house in `folder`; `ManifestRefused` or `OSError` names the file and what is wrong with it.

    Where the environment shows that a function platform runs it, its manifest declares `function`.
    """
    name = _name(folder / "house.toml")
    raw = _json_object(folder / "manifest.json")
    # AWS Lambda; functions-framework and what is built on it; Knative and Cloud Run.
    if environ.get("AWS_LAMBDA_FUNCTION_NAME") or environ.get("FUNCTION_TARGET") or environ.get("K_SERVICE"):
        raw["mullion"] = {**raw.get("mullion", {}), "kind": "function"}
    raw["version"] = f"{raw.get('version', '0')}+{_digest(folder)}"
    body = msgspec.json.encode({**raw, "name": name})
    manifest = parse(body)
    return House(name, folder, manifest, body, dict(_static_files(folder, manifest)))


def _name(path: Path) -> str:
    try:
        return msgspec.toml.decode(path.read_bytes(), type=_HouseFile).house.name
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        wanted = "the table [house] gives a name in lower-case letters, digits and dashes, a letter first"
        raise ManifestRefused(f"{path.name}: {error}; {wanted}") from error


def _json_object(path: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ManifestRefused(f"{path.name}: {error}") from error


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for root in (folder, KIT):
        for path in sorted(root.rglob("*")):
            if path.suffix in _CONTENT and path.is_file():
                digest.update(f"{path.relative_to(root)}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


def _static_files(folder: Path, manifest: Manifest) -> Iterator[tuple[str, StaticFile]]:
    for asset in [*manifest.css, *manifest.js]:
        name = asset.value.removeprefix("/").removeprefix("static/")
        path = next((root / "static" / name for root in (folder, KIT) if (root / "static" / name).is_file()), None)
        if path is None or path.suffix not in _STATIC_TYPES:
            raise ManifestRefused(f"manifest.json: the asset {asset.value} is no .css or .js file below static/")
        body = path.read_bytes()
        yield name, StaticFile(body, _STATIC_TYPES[path.suffix], f'"{hashlib.sha256(body).hexdigest()[:32]}"')


@lru_cache(maxsize=1)
def this_house() -> House:
    """The house of this process: the folder that the settings name in `FRAGMENT_FOLDER`."""
    from django.conf import settings

    return load(Path(settings.FRAGMENT_FOLDER))
