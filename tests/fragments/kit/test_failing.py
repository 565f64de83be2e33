"""The name of the upstream that failed behind a fragment."""

import pytest

from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from fragments.kit.failing import Failing

pytestmark = pytest.mark.quick

SHUT = Failure(Reason.BREAKER_OPEN, retry_after_ms=900)


def test_a_failed_call_names_whom_it_called() -> None:
    """With the call's own reason; so does a call that the open breaker refuses."""
    failing = Failing()
    assert failing.named("bff-queries", Failure(Reason.TIMEOUT)) == Failure(Reason.TIMEOUT, upstream="bff-queries")
    shut = failing.named("bff-queries", SHUT)
    assert (shut.reason, shut.upstream, shut.retry_after_ms) == (Reason.BREAKER_OPEN, "bff-queries", 900)


def test_what_the_read_side_says_of_its_store_is_the_stores() -> None:
    """Also while the breaker that those answers opened is open; another failure names the BFF again."""
    failing = Failing()
    failure = Failure(Reason.UPSTREAM_ERROR, status=503, code="store_down")
    named = failing.named("bff-queries", failure)
    assert (named.reason, named.upstream) == (Reason.STORE_DOWN, "query-store")
    assert failing.named("bff-queries", SHUT).upstream == "query-store"
    assert failing.named("bff-commands", SHUT).upstream == "bff-commands"
    failing.named("bff-queries", Failure(Reason.CONNECT))
    assert failing.named("bff-queries", SHUT).upstream == "bff-queries"
    failing.named("bff-queries", failure)
    failing.answered("bff-queries")
    assert failing.named("bff-queries", SHUT).upstream == "bff-queries"
