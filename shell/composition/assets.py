"""The shell's own static files, in memory, each under an address that only its content decides.

Public: `StaticFile`, `StaticFiles`, `static_url`, `static_file`, `static_layout_url`, `PREFIX`,
`LAYOUTS`.

Django's hashed storage writes the addresses of imported modules and of `url()` into the files that name them, so a file
that changes gets another address, and so do those that import it, and no other.
"""

import asyncio
import hashlib
from functools import cache
from pathlib import Path

from django.contrib.staticfiles.storage import HashedFilesMixin
from django.core.files.base import ContentFile, File
from django.core.files.storage import InMemoryStorage

from shell.composition.content_coding import CodedBody

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
LAYOUTS = "layouts"


class StaticFile:
    """`plain` is the uncompressed body; `coded()` gives its compressed forms, made on the first request for one."""

    def __init__(self, content_type: str, plain: bytes) -> None:
        self.content_type = content_type
        self.plain = plain
        self._coded: CodedBody | None = None
        self._coding = asyncio.Lock()

    async def coded(self) -> CodedBody:
        """Compress the file on its first request, in a thread: pages are served meanwhile, and start-up does not wait
        for it.
        """
        async with self._coding:
            if self._coded is None:
                self._coded = await asyncio.to_thread(CodedBody.of, self.content_type, self.plain)
            return self._coded


class StaticFiles:
    """The files below `root`, read once: a deploy is a restart.

    Raises `ValueError` for a file that names one that is not there, and `RuntimeError` for modules that import each
    other in a circle: no address could be made of their contents.
    """

    def __init__(self, root: Path = ROOT) -> None:
        tree = _HashedTree(base_url=PREFIX)
        paths = {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*")) if path.suffix in _TYPES}
        for name, path in paths.items():
            tree.save(name, ContentFile(path.read_bytes()))
        for name, _, processed in tree.post_process({name: (tree, name) for name in paths}):
            if isinstance(processed, Exception):
                raise type(processed)(f"static/{name}: {processed}") from processed
        self._urls: dict[str, str] = {name: PREFIX + tree.hashed_files[name] for name in paths}
        self._files = {self._urls[name]: _read(tree, tree.hashed_files[name]) for name in paths}

    def url(self, path: str) -> str:
        """Where `path` is served; `KeyError` when there is no such file, so a page can not link a missing one."""
        if path not in self._urls:
            raise KeyError(f"static/{path} does not exist")
        return self._urls[path]

    def file(self, url_path: str) -> StaticFile | None:
        """The file at this address, None for an unknown name and for other content than the address was made for."""
        return self._files.get(url_path)

    def add_style(self, name: str, base: str, rules: str) -> str:
        """Where the stylesheet `base`, followed by `rules`, is served: one request for both."""
        body = self._files[self.url(base)].plain + rules.encode()
        url = f"{PREFIX}{name}.{hashlib.sha256(body).hexdigest()[:16]}.css"
        self._files.setdefault(url, StaticFile(_TYPES[".css"], body))
        return url


class _HashedTree(HashedFilesMixin, InMemoryStorage):  # type: ignore[misc]  # as Django mixes them itself
    support_js_module_import_aggregation = True
    max_post_process_passes = 12  # one for each step that imports go deep
    keep_intermediate_files = False

    def file_hash(self, name: str, content: "File[bytes] | None" = None) -> str:
        digest = hashlib.sha256()
        for chunk in content.chunks() if content is not None else ():
            digest.update(chunk)
        return digest.hexdigest()[:16]


def _read(tree: _HashedTree, name: str) -> StaticFile:
    with tree.open(name) as file:
        return StaticFile(_TYPES[Path(name).suffix], file.read())


_files = cache(StaticFiles)


def static_url(path: str) -> str:
    """Where the shell's own file `path` is served."""
    return _files().url(path)


def static_file(url_path: str) -> StaticFile | None:
    """The shell's own file at this address."""
    return _files().file(url_path)


def static_layout_url(name: str, rules: str) -> str:
    """Where the stylesheet of a layout is served: `layout.css`, and the rules of the page of this name."""
    return _files().add_style(f"{LAYOUTS}/{name}", "layout.css", rules)
