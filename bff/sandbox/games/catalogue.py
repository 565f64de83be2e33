"""The catalogue of each games provider: the same for the same seed and day.

Public: `SandboxGame`, `Kind`, `catalogue_of`, `COUNTS`.
"""

import random
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, get_args

from bff.sandbox.games import name_parts

Kind = Literal["slots", "jackpots", "tables", "poker", "instant", "crash", "bingo"]
COUNTS = {"lantern": 2200, "tidewheel": 1300, "oakmill": 1500}
_WORDS = {"lantern": name_parts.LANTERN, "tidewheel": name_parts.TIDEWHEEL, "oakmill": name_parts.OAKMILL}
_WEIGHTS = (62, 8, 10, 4, 8, 3, 5)
_OLDEST_DAYS = 3000


@dataclass(slots=True)
class SandboxGame:
    """`number` counts from 1; `volatility` is 1 to 5, `rtp` percent."""

    number: int
    name: str
    kind: Kind
    rtp: float
    volatility: int
    released: date
    open: bool = True


def catalogue_of(seed: str, provider: str, today: date, count: int) -> list[SandboxGame]:
    """All games of one provider; one in fifty is closed, and some came out within the last weeks."""
    rng = random.Random(f"{seed}:{provider}")  # noqa: S311 (names of games, no secret)
    return [
        SandboxGame(
            number=number,
            name=name,
            kind=rng.choices(get_args(Kind), _WEIGHTS)[0],
            rtp=round(rng.uniform(88, 98.5), 2),
            volatility=rng.randint(1, 5),
            released=today - timedelta(days=int(_OLDEST_DAYS * rng.random() ** 2)),
            open=rng.random() > 0.02,
        )
        for number, name in enumerate(name_parts.names(_WORDS[provider], rng, count), start=1)
    ]
