"""A page with one slot as a browser gets it, and all that the page asks its own origin for.

Public: `ComposedPage`, `ORIGIN`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit

from shell.composition.assets import PREFIX, static_file
from shell.composition.compiler import Compiled, Compiler
from shell.composition.ladder import Included
from shell.composition.release import Snapshot
from shell.composition.wrap import Wrapper
from shell.operations.fragment_check.report import FileReport, SlotReport
from shell.security import header_list

# A name that means this machine wherever it is looked up; the browser is answered before it looks.
ORIGIN = "http://fragment-check.localhost"


@dataclass(frozen=True, slots=True)
class Answered:
    """What the page's origin answers."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class ComposedPage:
    """One page whose slot shows `included`. `answer` is its origin, which shows the same each time."""

    def __init__(self, slot: SlotReport, included: Included, files: list[FileReport]) -> None:
        self._slot = slot
        self._included = included
        self._files = {each.path: each for each in files}
        self._wrapper = Wrapper()

    def answer(self, url: str) -> Answered | None:
        """None for what is not this origin's."""
        if not url.startswith(ORIGIN + "/"):
            return None
        path = urlsplit(url).path
        if path == "/":
            return _html(self._page())
        if path == self._slot.include.prefix:
            return _html(self._element())
        if path.startswith(PREFIX) and (file := static_file(path)):
            return Answered(200, {"content-type": file.content_type}, file.plain)
        if copied := self._files.get(path):
            return Answered(
                200, {"content-type": copied.content_type, "x-content-type-options": "nosniff"}, copied.body
            )
        return Answered(404, {"content-type": "text/plain"}, b"")

    def _page(self) -> bytes:
        visit, release = self._slot.include.visit, self._slot.include.published
        snapshot = Snapshot(1, MappingProxyType({release.fragment: release}))
        compiled = Compiler().compiled(visit.page, language=visit.language, signed_in=False, snapshot=snapshot)
        holes = {"path": visit.path, "key": visit.page.key(visit.params)}
        return Compiled.fill(compiled.head, holes) + self._element() + Compiled.fill(compiled.tail, holes)

    def _element(self) -> bytes:
        return self._wrapper.wrap(self._included, self._slot.include)


def _html(body: bytes) -> Answered:
    return Answered(200, {**dict(header_list()), "content-type": "text/html; charset=utf-8"}, body)
