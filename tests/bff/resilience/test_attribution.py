"""Whose failure each reason is, and whether the request behind it can have had an effect."""

import pytest

from bff.resilience.attribution import ATTRIBUTION, Party, party
from bff.resilience.judgement import reason_of_status
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason

pytestmark = pytest.mark.quick

PARTIES = {
    Party.ORIGIN: "connect connect_timeout dns tls timeout cut framing upstream_error throttled",
    Party.RESOURCE: "oversize headers_oversize content_type encoding unsafe_html empty not_a_fragment",
    Party.NOBODY: "redirect not_found unauthorised rejected feed_stale feed_down engine_down store_down",
    Party.UNPROVED: "breaker_open bulkhead_full shed held not_published manifest left pending internal cold",
}
UNSENT = "connect connect_timeout dns tls breaker_open bulkhead_full shed held not_published manifest"


def test_every_reason_is_attributed() -> None:
    """No reason can be added without saying whose failure it is."""
    assert set(ATTRIBUTION) == set(Reason)


@pytest.mark.parametrize("expected", Party)
def test_a_reason_counts_against_one_party(expected: Party) -> None:
    """What the origin does, what it says of one resource, what it says properly, and what is decided here."""
    assert {reason for reason in Reason if party(reason) is expected} == set(PARTIES[expected].split())


@pytest.mark.parametrize("reason", Reason)
def test_nothing_was_sent_only_where_that_is_certain(reason: Reason) -> None:
    """Any other failure of a command is in doubt: it may have been carried out."""
    assert Failure(reason).sent is (reason not in UNSENT.split())


@pytest.mark.parametrize(
    ("status", "reason"),
    [(401, "unauthorised"), (403, "unauthorised"), (404, "not_found"), (410, "not_found"), (302, "redirect"),
     (204, "rejected"), (418, "rejected")],
)  # fmt: skip
def test_a_status_has_one_reason_whoever_asked(status: int, reason: str) -> None:
    """Pages, pictures and the BFF's client say the same of it."""
    assert reason_of_status(status) == reason
