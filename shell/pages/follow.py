"""Follows the pages table while the shell runs: a changed file is checked and taken up, a wrong one is refused.

Public: `PagesFollower`.
"""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

from django.template import TemplateDoesNotExist, TemplateSyntaxError, engines

from bff.resilience import log
from shell.composition.compiler import Compiler
from shell.composition.page import PagesBroken
from shell.pages.published import LivePages
from shell.pages.table import FilePages, read_pages

FOLLOW_S = 1.0
TEMPLATES = Path(__file__).parent / "templates"

logger = log.get("pages")
Signature = tuple[tuple[str, int, int], ...]


class PagesFollower:
    """Looks at the table in `path`, and at the templates and layouts, once a second."""

    def __init__(self, path: Path, pages: LivePages, *, templates: Path = TEMPLATES) -> None:
        self._path, self._templates, self._pages = path, templates, pages
        self._seen = self._signature()
        self._task: asyncio.Task[None] | None = None

    def look(self) -> FilePages | None:
        """The table to take up, None where nothing changed or what changed can not be used; the log says which."""
        signature = self._signature()
        if signature == self._seen:
            return None
        self._seen = signature
        # Also without DEBUG, Django keeps what it has read of a template.
        engine: Any = engines["django"]
        for loader in engine.engine.template_loaders:
            if hasattr(loader, "reset"):
                loader.reset()
        try:
            table = read_pages(self._path)
            Compiler().check(table)
        except (PagesBroken, TemplateDoesNotExist, TemplateSyntaxError, OSError) as error:
            logger.error("pages_refused", why=f"{type(error).__name__}: {error}. The pages stay as they were.")
            return None
        return table

    async def follow(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(FOLLOW_S)
            try:
                table = await asyncio.to_thread(self.look)
            except Exception:
                logger.exception("pages_not_followed")
                continue
            if table is not None:
                self._pages.take_file(table)

    async def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self.follow())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def _signature(self) -> Signature:
        files = [self._path, *sorted(self._templates.rglob("*.html")), *sorted(self._templates.rglob("*.toml"))]
        return tuple(_of(file) for file in files)


def _of(file: Path) -> tuple[str, int, int]:
    try:
        stat = file.stat()
    except OSError:
        return str(file), 0, 0
    return str(file), stat.st_mtime_ns, stat.st_size
