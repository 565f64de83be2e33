"""The ledger's stream in several partitions, each with numbers of its own."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from bff.commands.engine.identifiers import fresh_id
from bff.commands.ledger.models import OutboxRow, Player, RelayState
from bff.commands.ledger.statement import state_part
from bff.commands.relay import epochs, restating, steps
from bff.contracts.ledger import BALANCES_STATED, BalancesStated
from bff.contracts.ledger_partition import partition_of
from tests.bff.commands.house.case_operators import set_partitions_at_once, someone

PARTITIONS = 3
ALL = frozenset(range(5))


@pytest.fixture(autouse=True)
def _several():
    epochs.set_partitions(PARTITIONS, datetime.now(UTC))
    yield
    set_partitions_at_once(1)


def drained():
    """Everything that a relay sends until nothing is left, and the last batch."""
    batch, seen = None, []
    while batch is None or batch.rows:
        batch = steps.next_batch(ALL, batch, datetime.now(UTC))
        seen += batch.events
    return seen, batch


def test_each_partition_counts_its_own_events_without_gaps():
    """And each event names the one before it in its partition; the ends say where all of them are."""
    for _ in range(12):
        someone()
    while restating.restate_some(datetime.now(UTC)):
        pass
    seen, last = drained()
    for place in range(PARTITIONS):
        events = [each for each in seen if partition_of(each.aggregate, PARTITIONS) == place]
        assert events
        assert [each.position[1] for each in events] == list(range(1, len(events) + 1))
        assert [each.previous_id for each in events] == ["", *(each.id for each in events[:-1])]
        assert (last.ends[place].position, last.ends[place].event_id) == (len(events), events[-1].id)


def test_another_number_of_partitions_begins_an_epoch_once():
    """Every player is restated in it, and what waits is counted anew; the number that is in force changes nothing."""
    player, now = someone(), datetime.now(UTC)
    drained()
    before = RelayState.objects.get(pk=1).epoch
    assert epochs.set_partitions(PARTITIONS, now) is None
    epoch = epochs.set_partitions(5, now)
    assert epoch > before
    assert epochs.partitions() == 5
    assert Player.objects.get(pk=player).epoch < epoch
    while restating.restate_some(now):
        pass
    seen, _ = drained()
    assert f"player:{player}" in {each.aggregate for each in seen}
    assert all(each.position[0] == epoch for each in seen)


def test_a_lost_event_begins_an_epoch_in_as_many_partitions():
    """A reader of any of them may ask; soon after, it is one replay for all who ask."""
    someone()
    drained()
    state = RelayState.objects.get(pk=1)
    later = datetime.now(UTC) + timedelta(minutes=1)
    epoch = epochs.begin_epoch(state.epoch, later)
    assert epoch > state.epoch
    assert epochs.begin_epoch(state.epoch, later) is None
    assert epochs.partitions() == PARTITIONS


def test_a_comparison_states_each_player_in_the_players_partition():
    """So that it stands behind all that it speaks of."""
    for _ in range(12):
        someone()
    run = fresh_id("run")
    _, parts = state_part(run, 7, "", datetime.now(UTC), PARTITIONS)
    rows = list(OutboxRow.objects.filter(type=BALANCES_STATED, epoch=run).order_by("pk"))
    assert [row.sequence for row in rows] == list(range(7, 7 + parts))
    for row in rows:
        stated = msgspec.json.decode(row.data, type=BalancesStated)
        places = {partition_of(f"player:{each.player}", PARTITIONS) for each in stated.players}
        assert places == {partition_of(row.aggregate, PARTITIONS)}
