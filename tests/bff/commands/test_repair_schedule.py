"""A player whose records differ is restated at once, and then less and less often if that does not help."""

import itertools

import pytest

from bff.commands.engine.policy import RELAY
from bff.commands.relay.repair_schedule import RepairSchedule

pytestmark = pytest.mark.quick


def test_a_player_who_differs_again_and_again_is_restated_ever_more_rarely():
    """The wait doubles up to an hour, so a projection that is wrong costs little; others are not kept waiting."""
    schedule, restated, now = RepairSchedule(), [], 0.0
    while now < 4 * 3600:
        if schedule.is_due("pl_a", now):
            restated.append(now)
        now += 1.0
    waits = [after - before for before, after in itertools.pairwise(restated)]
    assert waits[:4] == [5, 10, 20, 40]
    assert max(waits) == RELAY.repair_s_max
    assert schedule.is_due("pl_b", now)


def test_another_fault_long_after_is_mended_at_once():
    """What was waited for is forgotten with time."""
    schedule = RepairSchedule()
    assert schedule.is_due("pl_a", 0.0)
    assert not schedule.is_due("pl_a", 4.0)
    assert schedule.is_due("pl_a", 1000.0)
    assert schedule.is_due("pl_a", 1005.0), "no wait is left of the first time"


def test_only_so_many_are_remembered():
    """A store that lost everybody costs no more memory than that."""
    schedule = RepairSchedule()
    for number in range(RELAY.repairs_tracked_max + 10):
        assert schedule.is_due(f"pl_{number}", 0.0)
    assert repr(schedule) == f"<RepairSchedule {RELAY.repairs_tracked_max}>"
