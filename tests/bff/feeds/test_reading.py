"""Values from third parties: read tolerantly, or refused with the field's name."""

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bff.feeds.reading import BadMessage, flag_of, minor_of, moment_of, text_of, when_of, whole_of

pytestmark = pytest.mark.quick

MOMENT = datetime(2026, 10, 21, 7, 24, 41, tzinfo=UTC)


@pytest.mark.parametrize("spelling", [7, "7", 7.0, "7.00", " 7 ", "+7"])
def test_a_number_is_read_however_it_is_spelt(spelling):
    """The same seven players in every type that providers use."""
    assert whole_of(spelling, "seats", most=10) == 7


@pytest.mark.parametrize("wrong", [-1, "11", 7.5, "7,0", "", None, True, [], {}, "NaN", "1e1", float("inf"), "٧" * 20])
def test_what_is_no_such_number_is_refused(wrong):
    """No guess is made about a number that can not be right."""
    with pytest.raises(BadMessage, match="seats"):
        whole_of(wrong, "seats", most=10)


@pytest.mark.parametrize(
    ("spelling", "flag"),
    [
        (True, True),
        ("TRUE", True),
        (1, True),
        ("1", True),
        (False, False),
        ("false", False),
        (0, False),
        ("Closed", False),
    ],
)
def test_a_flag_is_read_however_it_is_spelt(spelling, flag):
    """Open is open in words, digits and JSON."""
    assert flag_of(spelling, "open") is flag


@pytest.mark.parametrize("wrong", [None, "maybe", 2, [], ""])
def test_an_unclear_flag_is_refused(wrong):
    """A table is never open by default."""
    with pytest.raises(BadMessage):
        flag_of(wrong, "open")


@pytest.mark.parametrize(
    ("spelling", "currency", "minor"),
    [("0.50", "EUR", 50), (0.1, "EUR", 10), (150, "JPY", 150), ("150.00", "JPY", 150), ("1.5", "KWD", 1500)],
)
def test_an_amount_is_read_exactly(spelling, currency, minor):
    """Money never passes through binary fractions."""
    assert minor_of(spelling, currency, "minBet") == minor


@pytest.mark.parametrize(
    ("wrong", "currency"), [("0.005", "EUR"), ("0.5", "JPY"), (0, "EUR"), (-1, "EUR"), ("1" * 15, "EUR")]
)
def test_an_amount_that_the_currency_can_not_hold_is_refused(wrong, currency):
    """Half a cent is a mistake, not something to round."""
    with pytest.raises(BadMessage):
        minor_of(wrong, currency, "minBet")


@pytest.mark.parametrize(
    "spelling",
    [
        1792567481,
        1792567481000,
        "1792567481000",
        "2026-10-21T07:24:41Z",
        "2026-10-21T09:24:41+02:00",
        "2026-10-21 07:24:41Z",
        "Oct 21, 2026 07:24:41 AM UTC",
    ],
)
def test_a_moment_is_read_however_it_is_written(spelling):
    """One moment, seven spellings."""
    assert moment_of(spelling) == MOMENT


@pytest.mark.parametrize(
    "wrong",
    [
        *(True, 12, -1, 1e30, "yesterday", [], "2026-13-01", "0001-01-01T00:00:00+05:00"),
        *("2026-10-21 07:24:41", "2026-10-21T07:24:41", "2026-10-21", "Oct 21, 2026 07:24:41 AM"),
    ],
)
def test_a_moment_that_can_not_be_read_or_has_no_zone_is_refused(wrong):
    """Moments of a provider may be missing; whose evening one without a zone was is not guessed."""
    assert moment_of(wrong) is None
    with pytest.raises(BadMessage, match="endsAt"):
        when_of(wrong, "endsAt")


@pytest.mark.parametrize("missing", [None, ""])
def test_a_moment_may_be_missing(missing):
    """Not everybody says when."""
    assert when_of(missing, "endsAt") is None


def test_text_loses_what_can_not_be_seen():
    """Control characters never reach a page."""
    assert text_of(" Cop\u202eper\x00 ", "name", chars_max=10) == "Copper"
    for wrong in ("\x00", "x" * 11, True, 1.5, None):
        with pytest.raises(BadMessage):
            text_of(wrong, "name", chars_max=10)


@settings(deadline=None)
@given(st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.booleans(), st.lists(st.text())))
def test_nothing_but_a_refusal_comes_of_nonsense(value):
    """Whatever stands in a field, reading it ends in a value or in one typed error."""
    moment_of(value)
    for read in (
        lambda: when_of(value, "f"),
        lambda: text_of(value, "f", chars_max=5),
        lambda: whole_of(value, "f", most=5),
        lambda: minor_of(value, "EUR", "f"),
        lambda: flag_of(value, "f"),
    ):
        with contextlib.suppress(BadMessage):
            read()
