"""A stylesheet or script as Podium's manifest lists it, and what its attributes do to it.

Public: `Asset`, `Scope`, `Strategy`, `Url`.
Sources: `@podium/schemas` 5.2 (what may stand), `@podium/utils` 5.6 (`buildLinkElement`, `buildScriptElement`) and its
document template (what a layout makes of it).
"""

from typing import Annotated, Any, Literal

import msgspec

Scope = Literal["content", "fallback", "all"]
Strategy = Literal["", "lazy", "beforeInteractive", "afterInteractive", "shadow-dom"]
Url = Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]
_Short = Annotated[str, msgspec.Meta(max_length=256)]
_MODULE_TYPES = frozenset({"module", "esm"})


class Asset(msgspec.Struct, frozen=True, omit_defaults=True):
    """One file. What else an author may write decides how a browser fetches it, and is nothing to the shell's copy.

    Where it has a `scope`, pages use it for the content or for the fallback alone. A browser leaves out what is
    `disabled`, what is `nomodule`, and what is no stylesheet by its `rel` or `type`.
    """

    value: Url
    type: _Short = ""
    rel: _Short = "stylesheet"
    media: _Short = ""
    integrity: Annotated[str, msgspec.Meta(max_length=1024)] = ""
    disabled: bool = False
    nomodule: bool = False
    scope: Scope = "all"
    strategy: Strategy = ""
    data: Any = None  # as written; `asset_data` says which attributes of the file's element it makes

    @property
    def is_module(self) -> bool:
        """Whether a layout loads the script as a module."""
        return self.type.lower() in _MODULE_TYPES or self.strategy == "lazy"

    def unused_style(self) -> str:
        """Why no browser would apply the stylesheet; empty where one would."""
        rel = self.rel.lower().split()
        if self.disabled:
            return "it is disabled"
        if "stylesheet" not in rel or "alternate" in rel:
            return f"its rel is {self.rel!r}"
        if self.type and self.type.partition(";")[0].strip().lower() not in ("text/css", "default"):
            return f"its type is {self.type!r}"
        return ""

    def unused_script(self) -> str:
        """Why no browser that reads modules would run the script; empty where one would."""
        return "it is for browsers without modules" if self.nomodule and not self.is_module else ""
