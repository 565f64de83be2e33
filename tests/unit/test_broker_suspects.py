"""Who is handed out alone after deaths, and what is remembered of them."""

import pytest

from bff.broker.suspects import Past, together


@pytest.mark.parametrize(
    ("deaths", "count"), [([], 0), ([0, 0, 0], 3), ([1, 1, 1], 3), ([2, 2, 2], 1), ([0, 1, 2, 2], 2), ([5], 1)]
)
def test_what_two_consumers_died_over_is_handed_out_alone(deaths, count):
    """Everything before the first suspect goes together, a suspect by itself."""
    assert together(deaths) == count


def test_past_is_read_as_it_was_written_and_anything_else_is_nobody_died():
    """Metadata of another writer, or none, accuses nobody."""
    past = Past(3, 57, 109)
    assert Past.read(str(past)) == past
    for other in (None, "", "made by hand", "1 2", "1 2 3 4", str(Past())):
        assert Past.read(other) == Past()


def test_only_the_one_in_hand_alone_is_accused_further():
    """Its neighbours stay suspects and are never counted up by its deaths; what came later was in nobody's hands."""
    past = Past().taking(10, 109)
    assert (past.attempts(10), past.attempts(109), past.attempts(110)) == (2, 2, 1)
    assert not past.is_suspect(57)
    past = past.taking(10, 109)
    assert past.is_suspect(57)
    for _ in range(9):
        past = past.taking(57, 57)
    assert (past.attempts(57), past.attempts(58), past.attempts(110)) == (12, 3, 1)
    assert past.after(58) == past
    assert past.after(110) == Past()
