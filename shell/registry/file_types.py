"""The types of files that a release may have, by content type, and how each may be referenced.

Public: `FileType`, `STYLE`, `type_of`, `wanted_by`.
"""

from dataclasses import dataclass

from shell.registry.references import Reach


@dataclass(frozen=True, slots=True)
class FileType:
    """`content_type` is what the copy is served as."""

    content_type: str
    reached_by: frozenset[Reach]

    @property
    def is_script(self) -> bool:
        return self.content_type.startswith("text/javascript")

    @property
    def is_style(self) -> bool:
        return self.content_type.startswith("text/css")


_SCRIPT = FileType("text/javascript; charset=utf-8", frozenset({Reach.MODULE, Reach.URL}))
STYLE = FileType("text/css; charset=utf-8", frozenset({Reach.MODULE, Reach.URL, Reach.STYLE}))
_DATA = FileType("application/json", frozenset({Reach.MODULE, Reach.URL}))
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/svg+xml", "image/x-icon")
_FONTS = ("font/woff2", "font/woff", "font/ttf", "font/otf")
_SHOWN = frozenset({Reach.PICTURE, Reach.URL})
_TYPES = {
    "text/javascript": _SCRIPT,
    "application/javascript": _SCRIPT,
    "text/css": STYLE,
    "application/json": _DATA,
    **{name: FileType(name, _SHOWN) for name in _PICTURES},
    **{name: FileType(name, frozenset({Reach.FONT, Reach.URL})) for name in _FONTS},
    "application/font-woff2": FileType("font/woff2", frozenset({Reach.FONT, Reach.URL})),
    "application/font-woff": FileType("font/woff", frozenset({Reach.FONT, Reach.URL})),
    "image/vnd.microsoft.icon": FileType("image/x-icon", _SHOWN),
}


def type_of(content_type: str | None) -> FileType | None:
    """The type that an answer says it has; None where no release may hold it."""
    return _TYPES.get((content_type or "").partition(";")[0].strip().lower())


def wanted_by(reach: Reach) -> str:
    """What may be reached so, for a message."""
    return ", ".join(name for name, found in _TYPES.items() if reach in found.reached_by)
