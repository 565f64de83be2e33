"""The properties of each reason. Every set is written out here, so that a changed property is a changed claim."""

import pytest

from bff.resilience.judgement import reason_of_status
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from bff.resilience.reason_properties import LATE, PROPERTIES, Party, ReasonProperties, Source, party

pytestmark = pytest.mark.quick

PARTIES = {
    Party.ORIGIN: "connect connect_timeout dns tls timeout cut framing upstream_error throttled",
    Party.RESOURCE: "oversize headers_oversize content_type encoding unsafe_html empty not_a_fragment",
    Party.NOBODY: "redirect not_found unauthorised rejected feed_stale feed_down engine_down store_down",
    Party.UNPROVED: "breaker_open bulkhead_full shed held not_published manifest left pending internal cold",
}
UNSENT = "connect connect_timeout dns tls breaker_open bulkhead_full shed held not_published manifest"
NOT_OF_A_RELEASE = "held not_published unauthorised left internal cold"
NOT_OF_FRAGMENTS = "unsafe_html empty not_a_fragment not_found unauthorised"
SHELLS = "held not_published left pending internal cold"
EXPECTED = {
    "sent": " ".join(reason for reason in Reason if reason not in UNSENT.split()),
    "refused": "throttled shed",
    "late": "timeout connect_timeout",
    "needs_time": "timeout connect_timeout dns",
    "retried": "connect cut",
    "denies": "redirect not_found unauthorised rejected",
    "lasting": f"{PARTIES[Party.RESOURCE]} framing redirect",
    "fragments_say": " ".join(
        reason for reason in Reason if reason not in f"{NOT_OF_FRAGMENTS} {SHELLS} manifest".split()
    ),
    "shell_decides": SHELLS,
    "continues": "cold",
    "judges_release": " ".join(reason for reason in Reason if reason not in NOT_OF_A_RELEASE.split()),
}


def test_every_reason_has_its_properties() -> None:
    """No reason can be added without saying what follows from it."""
    assert set(PROPERTIES) == set(Reason)


def test_every_property_is_claimed_here() -> None:
    """No property can be added without saying of which reasons it is true."""
    assert set(ReasonProperties.__dataclass_fields__) == {"party", "source", *EXPECTED}


@pytest.mark.parametrize("expected", Party)
def test_a_reason_counts_against_one_party(expected: Party) -> None:
    """What the origin does, what it says of one resource, what it says properly, and what is decided here."""
    assert {reason for reason in Reason if party(reason) is expected} == set(PARTIES[expected].split())


@pytest.mark.parametrize("name", EXPECTED)
def test_a_property_is_true_of_these_reasons_and_no_other(name: str) -> None:
    """Each with the table's own word."""
    assert {reason for reason in Reason if getattr(PROPERTIES[reason], name)} == set(EXPECTED[name].split())


def test_a_reason_names_the_kind_of_its_upstream_where_it_means_one() -> None:
    """Feeds and the engine are named by their reasons; any other upstream has to be named beside it."""
    named = {reason: each.source for reason, each in PROPERTIES.items() if each.source}
    assert named == {
        Reason.FEED_STALE: Source.FEED,
        Reason.FEED_DOWN: Source.FEED,
        Reason.ENGINE_DOWN: Source.ENGINE,
    }


@pytest.mark.parametrize("reason", Reason)
def test_nothing_was_sent_or_done_only_where_that_is_certain(reason: Reason) -> None:
    """Any other failure of a command is in doubt: it may have been carried out."""
    assert Failure(reason).sent is (reason not in UNSENT.split())
    assert Failure(reason).without_effect is (reason in f"{UNSENT} throttled".split())


def test_a_fragment_passes_on_what_is_not_there_or_not_allowed() -> None:
    """By its own status; of all else that is denied it says that it is degraded, and may show what it knew."""
    passed_on = {reason for reason in Reason if PROPERTIES[reason].passed_on}
    assert passed_on == {Reason.NOT_FOUND, Reason.UNAUTHORISED}


def test_what_is_late_needed_more_time() -> None:
    """A late answer of a call that had little time proves nothing, so that each late reason needs time."""
    assert {reason for reason in Reason if PROPERTIES[reason].late} == LATE
    assert all(PROPERTIES[reason].needs_time for reason in LATE)


@pytest.mark.parametrize(
    ("status", "reason"),
    [(401, "unauthorised"), (403, "unauthorised"), (404, "not_found"), (410, "not_found"), (302, "redirect"),
     (204, "rejected"), (418, "rejected")],
)  # fmt: skip
def test_a_status_has_one_reason_whoever_asked(status: int, reason: str) -> None:
    """Pages, pictures and the BFF's client say the same of it."""
    assert reason_of_status(status) == reason
