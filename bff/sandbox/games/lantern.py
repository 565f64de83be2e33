"""Lantern's list: JSON as an aggregator answers it, to who signs the question.

Public: `rows`, `is_signed`.
"""

import hashlib
import hmac
from typing import Any

from bff.sandbox.games.catalogue import SandboxGame
from bff.sandbox.http import HttpRequest

_CATEGORIES = {
    "slots": "Video Slots",
    "jackpots": "Jackpot Slots",
    "tables": "Table Games",
    "poker": "Video Poker",
    "instant": "Scratch Cards",
    "crash": "Crash Games",
    "bingo": "Bingo",
}
_VOLATILITY = {1: "Low", 2: "Low-Medium", 3: "Medium", 4: "Medium-High", 5: "High"}


def rows(games: list[SandboxGame]) -> list[dict[str, Any]]:
    """The list as it is sent; an RTP is written as text, and missing where the game has several."""
    return [
        {
            "game_code": f"lw_{game.number:05d}",
            "name": game.name,
            "category": _CATEGORIES[game.kind],
            "product": "Lantern Originals",
            "platforms": ["GPL_DESKTOP", "GPL_MOBILE"],
            "url_thumb": f"/lantern/thumbs/lw_{game.number:05d}.svg",
            "rtp": f"{game.rtp:.2f}" if game.number % 9 else None,
            "volatility": _VOLATILITY[game.volatility],
            "release_date": game.released.isoformat(),
            "enabled": game.open,
        }
        for game in games
    ]


def is_signed(request: HttpRequest, secret: str) -> bool:
    """Whether whoever asks holds the secret: `X-Hub88-Signature` is the body's HMAC-SHA256 in hexadecimal digits."""
    expected = hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, request.headers.get("x-hub88-signature", ""))
