"""A player's restatement in a rebuild is swapped in only if it is complete and right; otherwise nothing changes."""

import secrets

import msgspec
import pytest

from bff.broker import Delivery, Unusable
from bff.contracts.ledger import PlayerRebuilt, history_topic
from bff.contracts.wallet import wallet_topic
from bff.queries.shadows import Shadows
from bff.store import Store
from tests.bff.projector.test_parts import PATIENT, lines_of, project, restatement, stands

RUN = "run"


@pytest.fixture
async def store(valkey):
    opened = Store.connect(valkey.url, PATIENT)
    yield opened
    await opened.aclose()


def for_shadow(player, sequence, lines, *, held_against=True, **state):
    """A relay's events about the player in a rebuild; `state` changes fields of the last one."""
    events = restatement(player, sequence, lines, [], counted=True)
    for event in events:
        event.data["rebuild"] = RUN
    if held_against:
        events[-1].data["stands"] = msgspec.to_builtins(stands(player, sequence, lines))
    events[-1].data.update(state)
    return [Delivery(event.id, event, 1, 0.0) for event in events]


async def stored_player(store, lines, sequence=("e0", 50)):
    """A player whose records equal the ledger."""
    player = f"pl_{secrets.token_hex(5)}"
    await project(store, restatement(player, sequence, lines, [], counted=True))
    return player


async def outcome(store, deliveries):
    [answer] = await Shadows(store).project(deliveries)
    assert answer.run == RUN
    return answer.players[0]


async def sequence_of(store, player):
    record = await store.get(wallet_topic(player))
    return record.sequence if record else None


async def test_a_shadow_that_is_what_the_ledger_says_is_swapped_in(store):
    """Wallet and pages are of the rebuild afterwards, under its number."""
    lines = lines_of("pl", 25, 10)
    player = await stored_player(store, lines)
    assert await outcome(store, for_shadow(player, ("e0", 51), lines)) == PlayerRebuilt(player, "swapped")
    assert await sequence_of(store, player) == ("e0", 51)
    assert (await store.get(history_topic(player, 1))).sequence == ("e0", 51)


async def test_a_player_of_whom_later_news_has_come_is_left_standing(store):
    """What everybody sees is newer than the shadow."""
    lines = lines_of("pl", 3, 10)
    player = await stored_player(store, lines, ("e0", 60))
    assert await outcome(store, for_shadow(player, ("e0", 51), lines)) == PlayerRebuilt(player, "standing")
    assert await sequence_of(store, player) == ("e0", 60)


async def test_a_shadow_that_lacks_lines_is_refused_and_what_comes_next_can_follow(store):
    """The records stay, under the number that the next event counts from, and the answer says what is missing."""
    lines = lines_of("pl", 3, 10)
    player = await stored_player(store, lines)
    refused = await outcome(store, for_shadow(player, ("e0", 51), lines, lines_total=4))
    assert (refused.outcome, f"{player}: 3 lines of 4 are there" in refused.why) == ("refused", True)
    record = await store.get(wallet_topic(player))
    assert (record.sequence, record.data["balances"]["real_minor"]) == (("e0", 51), 700)


async def test_a_shadow_with_nothing_to_hold_it_against_is_refused(store):
    """Also of somebody of whom nothing stands yet, or something older: then there is nothing to number."""
    lines = lines_of("pl", 2, 10)
    stranger, behind = f"pl_{secrets.token_hex(5)}", await stored_player(store, lines, ("e0", 40))
    for player, at in ((stranger, None), (behind, ("e0", 40))):
        refused = await outcome(store, for_shadow(player, ("e0", 51), lines, held_against=False))
        assert (refused.outcome, refused.why) == ("refused", "nothing to hold it against")
        assert await sequence_of(store, player) == at


async def test_a_shadow_waits_for_its_end(store):
    """Pages alone are written and judged by nobody yet."""
    lines = lines_of("pl", 45, 20)
    player = await stored_player(store, lines)
    deliveries = for_shadow(player, ("e0", 51), lines)
    assert await Shadows(store).project(deliveries[:2]) == []
    assert await outcome(store, deliveries[2:]) == PlayerRebuilt(player, "swapped")


@pytest.mark.parametrize("which", [0, -1], ids=["page", "end"])
async def test_what_does_not_say_what_it_must_is_unusable_by_name(store, which):
    """A page without lines, an end without numbers."""
    deliveries = for_shadow(f"pl_{secrets.token_hex(5)}", ("e0", 51), lines_of("pl", 2, 10))
    deliveries[which].event.data.update(lines="many", lines_total="many")
    with pytest.raises(Unusable, match="not what"):
        await Shadows(store).project(deliveries)
