"""The shell's own static files, in memory under one immutable prefix, so that modules may import their neighbours.

Public: `StaticFile`, `static_url`, `static_file`.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
PREFIX = "/static/"


@dataclass(frozen=True, slots=True)
class StaticFile:
    content_type: str
    body: bytes


@cache
def _files() -> tuple[str, dict[str, StaticFile]]:
    """(digest of the whole tree, files by their path). Read once: a deploy is a restart."""
    files = {
        path.relative_to(ROOT).as_posix(): StaticFile(_TYPES[path.suffix], path.read_bytes())
        for path in sorted(ROOT.rglob("*"))
        if path.suffix in _TYPES
    }
    digest = hashlib.sha256()
    for name, file in files.items():
        digest.update(f"{name}\0{len(file.body)}\0".encode() + file.body)
    return digest.hexdigest()[:16], files


def static_url(path: str) -> str:
    """Where `path` is served; `KeyError` when there is no such file, so a page can not link a missing one."""
    digest, files = _files()
    if path not in files:
        raise KeyError(f"static/{path} does not exist")
    return f"{PREFIX}{digest}/{path}"


def static_file(url_path: str) -> StaticFile | None:
    """The file behind a path that starts with `PREFIX`, None for another tree or an unknown name."""
    digest, files = _files()
    asked, _, name = url_path.removeprefix(PREFIX).partition("/")
    return files.get(name) if asked == digest else None
