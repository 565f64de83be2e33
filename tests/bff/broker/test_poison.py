"""Which deliveries are handed out alone after their readers died, and how long that is remembered."""

import pytest

from bff.broker.poison import DeathRecord, batch_size

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("deaths", "count"), [([], 0), ([0, 0, 0], 3), ([1, 1, 1], 3), ([2, 2, 2], 1), ([0, 1, 2, 2], 2), ([5], 1)]
)
def test_what_two_consumers_died_over_is_handed_out_alone(deaths, count):
    """Everything before the first suspect goes together, a suspect by itself."""
    assert batch_size(deaths) == count


def test_past_is_read_as_it_was_written_and_anything_else_is_nobody_died():
    """Metadata of another writer, or none, accuses nobody."""
    deaths = DeathRecord(3, 57, 109)
    assert DeathRecord.read(str(deaths)) == deaths
    for other in (None, "", "made by hand", "1 2", "1 2 3 4", str(DeathRecord())):
        assert DeathRecord.read(other) == DeathRecord()


def test_only_the_one_in_hand_alone_is_accused_further():
    """Its neighbours stay suspects and are never counted up by its deaths; what came later was in nobody's hands."""
    deaths = DeathRecord().taking(10, 109)
    assert (deaths.attempts(10), deaths.attempts(109), deaths.attempts(110)) == (2, 2, 1)
    assert not deaths.is_suspect(57)
    deaths = deaths.taking(10, 109)
    assert deaths.is_suspect(57)
    for _ in range(9):
        deaths = deaths.taking(57, 57)
    assert (deaths.attempts(57), deaths.attempts(58), deaths.attempts(110)) == (12, 3, 1)
    assert deaths.after(58) == deaths
    assert deaths.after(110) == DeathRecord()
