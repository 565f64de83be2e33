"""One theme, whatever the browser prefers: the tokens of the shell that belong to it, as a stylesheet of its own.

Public: `theme_style`.
"""

from functools import cache

from shell.composition.assets import ROOT

_LIGHT = "@media (prefers-color-scheme: light) {"


@cache
def theme_style(theme: str) -> bytes:
    """Stands behind the page's own tokens, so it decides; empty for a theme that there is not."""
    before, _, after = (ROOT / "tokens.css").read_text("utf-8").partition(_LIGHT)
    return {"dark": before, "light": _block(after)}.get(theme, "").encode()


def _block(text: str) -> str:
    """Up to the brace that ends what `text` is in."""
    depth = 1
    for place, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        if depth == 0:
            return text[:place]
    return text
