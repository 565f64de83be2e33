"""Pages of two players and a visitor, interleaved, with faults and browsers that leave; counts bytes in a wrong page.

Public: `interleave`, `Tally`.
"""

import asyncio
import random
from dataclasses import dataclass

from bff.resilience.policy import Policy
from tests.origin.server import Origin, Seen
from tests.support.shell_page import Trio

PLAYERS = ("pl_one", "pl_two", "")
FAULTS = (
    "status=500",
    "short-body",
    "reset",
    "body-stalled",
    "redirect=elsewhere",
    "bad-text=nul",
    "status=404",
    "slow",
)
AT_ONCE = 24
# Breakers open and close within moments, so that every rung of the ladder is used again and again.
HASTY = Policy(open_ms_initial=20, open_ms_max=60, probe_gap_ms=5, closing_successes=2, consecutive_max=20)


@dataclass
class Tally:
    """What was seen in `pages` whole pages: slots by state, pages left half-way, and pages with another visitor's
    bytes."""

    pages: int
    states: dict[str, int]
    left: int
    foreign: list[str]


def _own(seen: Seen) -> bytes:
    """A body with the name of the player in the context, or of nobody, and the query of the request."""
    bearer = seen.headers.get("authorization", "").removeprefix("Bearer token-of-").partition("-for-")[0]
    query = seen.path.partition("?")[2].replace("&", " and ")
    return f"<p>secret of {bearer or 'nobody'}, asked for {query}</p>".encode()


async def interleave(pages: int, *, audience: str = "player", seed: int = 7) -> Tally:
    """Compose `pages` pages, `AT_ONCE` at a time. One in ten is left half-way; origins fail and heal all the time.

    Sometimes a player's page asks for a receipt and a sequence with the player's name. Bodies for the `audience`
    "shared" may be reused for a moment.
    """
    chance = random.Random(seed)
    tally = Tally(0, {}, 0, [])
    async with Trio(policy=HASTY, extension={"audience": audience, "stale_s_max": 60, "deadline_ms": 300}) as trio:
        for origin in trio.origins.values():
            origin.write = _own
            origin.headers = (("Cache-Control", "max-age=1, stale-while-revalidate=1"),)
        while tally.pages < pages:
            origin = chance.choice(list(trio.origins.values()))
            await _break_or_heal(origin, chance)
            for _ in range(4):
                await asyncio.gather(
                    *(_one(trio, chance.choice(PLAYERS), chance.random(), tally) for _ in range(AT_ONCE))
                )
    return tally


async def _break_or_heal(origin: Origin, chance: random.Random) -> None:
    if origin.fault is None:
        await origin.fail(chance.choice(FAULTS))
    else:
        await origin.heal()


async def _one(trio: Trio, player: str, chance: float, tally: Tally) -> None:
    own = {"receipts": {"wallet": f"rc_{player}"}, "min_sequence": f"{player}:1"} if player and chance > 0.7 else {}
    composition = trio.composer.compose(trio.visit(player, **own), trio.snapshot)
    try:
        chunks = [(await composition.open()).head]
        if chance < 0.1:
            await asyncio.sleep(chance / 20)
            tally.left += 1
            return
        async for chunk, _more in composition.remaining():
            chunks.append(chunk)
    finally:
        await composition.close()
    page = b"".join(chunks)
    tally.pages += 1
    for state in ("fresh", "stale", "fallback", "placeholder"):
        tally.states[state] = tally.states.get(state, 0) + page.count(f'data-state="{state}"'.encode())
    strangers = [other for other in PLAYERS if other and other != player]
    if any(stranger.encode() in page for stranger in strangers) or (not player and b"secret of pl_" in page):
        tally.foreign.append(f"page {tally.pages} of {player or 'a visitor'}")
