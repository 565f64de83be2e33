"""What the console serves: its own page, and the house's colours.

Public: `load`.
"""

from pathlib import Path

_STATIC = Path(__file__).with_name("static")
_HOUSE = Path(__file__).parents[3] / "static"
_SHARED = (_HOUSE / "tokens.css", _HOUSE / "icon.svg")
_KINDS = {
    ".html": b"text/html; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript",
    ".svg": b"image/svg+xml",
}


def load() -> dict[str, tuple[bytes, bytes]]:
    """Path to media type and body."""
    found = {f"/{file.name}": file for file in (*_STATIC.iterdir(), *_SHARED) if file.suffix in _KINDS}
    found["/"] = found.pop("/index.html")
    return {path: (_KINDS[file.suffix], file.read_bytes()) for path, file in found.items()}
