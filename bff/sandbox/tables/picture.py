"""A picture for each table, drawn from its name.

Public: `picture`.
"""

import hashlib
from html import escape

from bff.sandbox.tables.catalogue import Spec

_HUES = {"roulette": 150, "blackjack": 210, "baccarat": 350, "gameshow": 40}


def picture(spec: Spec) -> bytes:
    """An SVG of 320 by 180: panes in the colours of the game, placed by the table's name."""
    digest = hashlib.sha256(spec.name.encode()).digest()
    hue = _HUES[spec.kind]
    panes = "".join(
        f'<rect x="{40 * column}" y="{60 * row}" width="38" height="58" rx="3" '
        f'fill="hsl({hue + digest[column + 8 * row] % 40} 45% {18 + digest[31 - column - 8 * row] % 22}%)"/>'
        for row in range(3)
        for column in range(8)
    )
    title = escape(spec.name)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 180" role="img"><title>{title}</title>{panes}</svg>'
    ).encode()
