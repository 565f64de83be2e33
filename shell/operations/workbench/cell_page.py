"""A page with one slot in one state, to be shown in a frame of the workbench.

Public: `CellPages`, `THEME_PREFIX`.
"""

import re
from types import MappingProxyType

from shell.composition.compiler import Compiled, Compiler
from shell.composition.include import Include
from shell.composition.ladder import Included
from shell.composition.release import Snapshot
from shell.composition.wrap import Wrapper
from shell.operations.workbench.states import Cell
from shell.security import header_list

THEME_PREFIX = "/themes/"
# The page's session state; there is no session here. The question about the time falls due long after the look.
SIGNED_IN_FOR = {
    "session_s": "1440",
    "session_words": "24 min",
    "reality": "wait",
    "reality_due_s": "2160",
    "reality_every_s": "3600",
}
_FRAMES = re.compile(r"(frame-ancestors|frame-src) [^;]*")


class CellPages:
    """As pages of the shell are made, with the same policy, but that this origin may frame them."""

    def __init__(self) -> None:
        self._compiler = Compiler()
        self._wrapper = Wrapper()

    def page(self, cell: Cell, include: Include, included: Included, theme: str = "") -> bytes:
        """The whole page, in `theme` where one is chosen; written from right to left where the cell says so."""
        visit, release = include.visit, include.published
        snapshot = Snapshot(1, MappingProxyType({release.fragment: release}))
        compiled = self._compiler.compiled(
            visit.page, language=visit.language, signed_in=cell.signed_in, snapshot=snapshot
        )
        holes = {"path": visit.path, "key": visit.page.key(visit.params), **SIGNED_IN_FOR}
        holes["player_name"] = visit.player_name
        head = Compiled.fill(compiled.head, holes)
        if cell.direction == "rtl":
            head = head.replace(b"<html ", b'<html dir="rtl" ', 1)
        if theme:
            style = f'<link rel="stylesheet" href="{THEME_PREFIX}{theme}.css">\n</head>'.encode()
            head = head.replace(b"</head>", style, 1)
        return head + self.element(include, included) + Compiled.fill(compiled.tail, holes)

    def element(self, include: Include, included: Included) -> bytes:
        """The slot alone, as it is read again."""
        return self._wrapper.wrap(included, include)

    @staticmethod
    def headers() -> list[tuple[str, str]]:
        """Those of every page, but for who may frame whom."""
        own = [(name, value) for name, value in header_list() if name != "x-frame-options"]
        return [(name, _FRAMES.sub(r"\1 'self'", value)) for name, value in own]
