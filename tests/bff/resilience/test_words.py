"""The small parts of a guarded call: deadline, outcome, headers, what an answer's head and its Retry-After mean."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.resilience.deadline import Deadline
from bff.resilience.framing import check_head
from bff.resilience.message import CallFailed, Headers, Request, Response
from bff.resilience.outcome import Outcome, State
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason
from bff.resilience.retry_after import retry_after_ms

pytestmark = pytest.mark.quick

POLICY = Policy()
NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def test_a_deadline_never_has_less_than_nothing_left() -> None:
    """What remains is counted in whole milliseconds and stops at 0."""
    deadline = Deadline.after_ms(10.0, 250)
    assert deadline.remaining_ms(10.1) == 150
    assert deadline.remaining_ms(11.0) == 0


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_a_part_never_outlives_its_whole(whole_ms: int, part_ms: int) -> None:
    """The earlier of two deadlines holds."""
    whole = Deadline.after_ms(5.0, whole_ms)
    assert whole.within(5.0, part_ms).expires_at == pytest.approx(5.0 + min(whole_ms, part_ms) / 1000)


def test_every_outcome_but_fresh_has_a_reason() -> None:
    """An outcome that is not fresh says why; a fresh one has nothing to explain."""
    assert Outcome(State.STALE, "", Reason.TIMEOUT).reason is Reason.TIMEOUT
    with pytest.raises(ValueError, match="needs a reason"):
        Outcome(State.FALLBACK, "")
    with pytest.raises(ValueError, match="has no reason"):
        Outcome(State.FRESH, "", Reason.TIMEOUT)


def test_reasons_are_plain_words() -> None:
    """A reason reads the same in log, header, metric and DOM."""
    assert f"{Reason.BREAKER_OPEN}" == "breaker_open"
    assert all(reason.isidentifier() and reason.islower() for reason in Reason)


def test_headers_are_found_in_any_case() -> None:
    """Names are folded, values and order are kept."""
    headers = Headers([("Set-Cookie", "a=1"), ("X", "y"), ("set-cookie", "b=2")])
    assert headers.get("SET-COOKIE") == "a=1"
    assert headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert headers.get("absent") is None
    assert list(headers) == [("set-cookie", "a=1"), ("x", "y"), ("set-cookie", "b=2")]
    assert (len(headers), headers.size_bytes()) == (3, 17 + 6 + 17)
    assert headers == Headers(headers)
    assert hash(headers) == hash(Headers(headers))
    assert headers != [("x", "y")]


def test_what_is_printed_holds_no_secret() -> None:
    """No repr shows a header's value, a query or a body."""
    secret = "s3cret"
    request = Request("GET", f"http://a/b?t={secret}", (("Authorization", secret),), secret.encode())
    response = Response(200, Headers([("X", secret)]), secret.encode())
    assert repr(request) == "Request(GET http://a/b, 6 B)"
    assert secret not in f"{request!r}{response!r}{response.headers!r}"
    assert str(CallFailed(Reason.CUT, "ended")) == "cut: ended"


def head(*headers: tuple[str, str], status: int = 200, version: str = "HTTP/1.1") -> int | None:
    return check_head(status, version, Headers(headers), POLICY)


def refusal(*headers: tuple[str, str], status: int = 200, version: str = "HTTP/1.1") -> Reason:
    with pytest.raises(CallFailed) as caught:
        head(*headers, status=status, version=version)
    assert caught.value.answered
    return caught.value.reason


LENGTH, CHUNKED = ("Content-Length", "5"), ("Transfer-Encoding", "chunked")


def test_exactly_one_framing_is_accepted() -> None:
    """A length or chunked; never both, neither, or two of one."""
    assert head(LENGTH) == 5
    assert head(CHUNKED) is None
    assert head(("Transfer-Encoding", " Chunked ")) is None
    for odd in ([], [LENGTH, CHUNKED], [LENGTH, LENGTH], [CHUNKED, CHUNKED], [("Transfer-Encoding", "identity")]):
        assert refusal(*odd) is Reason.FRAMING


@pytest.mark.parametrize("value", ["+5", "-5", "5, 5", "5 5", "0x5", "", "٥", "5.0"])
def test_a_length_is_digits_only(value: str) -> None:
    """What only a generous reader takes for a number is refused."""
    assert refusal(("Content-Length", value)) is Reason.FRAMING


def test_chunked_belongs_to_http_1_1() -> None:
    """An HTTP/1.0 answer can not be chunked."""
    assert refusal(CHUNKED, version="HTTP/1.0") is Reason.FRAMING


@pytest.mark.parametrize("status", [100, 101, 199, 600, 999])
def test_a_status_that_ends_no_request_is_refused(status: int) -> None:
    """Only 2xx to 5xx are answers."""
    assert refusal(LENGTH, status=status) is Reason.FRAMING


@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307, 308])
def test_every_redirect_is_refused(status: int) -> None:
    """No redirect is followed, whatever its framing."""
    assert refusal(status=status) is Reason.REDIRECT


def test_304_and_204_have_no_body() -> None:
    """Their Content-Length describes another body than theirs."""
    assert head(("Content-Length", "999999999"), status=304) == 0
    assert head(status=204) == 0


def test_what_is_too_large_is_refused_by_its_head() -> None:
    """Neither a body nor headers beyond their cap are waited for."""
    assert head(("Content-Length", str(POLICY.wire_bytes_max))) == POLICY.wire_bytes_max
    assert refusal(("Content-Length", str(POLICY.wire_bytes_max + 1))) is Reason.OVERSIZE
    assert refusal(LENGTH, ("X", "a" * POLICY.headers_bytes_max)) is Reason.HEADERS_OVERSIZE


def wait_ms(value: str | None, *, date: datetime | None = None) -> int | None:
    pairs = [("Retry-After", value)] if value is not None else []
    if date:
        pairs.append(("Date", format_datetime(date, usegmt=True)))
    return retry_after_ms(Headers(pairs), now=NOW, ms_max=8000)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("3", 3000),
        (" 3 ", 3000),
        ("0", 0),
        ("9", 8000),
        ("999999999999999999999999", 8000),
        ("-5", None),
        ("2.5", None),
        ("soon, perhaps", None),
        ("", None),
        ("٣", None),
        (format_datetime(NOW + timedelta(seconds=4), usegmt=True), 4000),
        (format_datetime(NOW + timedelta(days=4), usegmt=True), 8000),
        (format_datetime(NOW - timedelta(hours=1), usegmt=True), None),
        ("Wed, 04 Mar 2026 12:00:02 -0000", 2000),
        ("Wed, 99 Mar 2026 12:00:02 GMT", None),
    ],
)
def test_retry_after_is_honoured_up_to_its_cap(value: str | None, expected: int | None) -> None:
    """Seconds or a date, at most 8 s; what is negative, past or garbage asks for nothing."""
    assert wait_ms(value) == expected


def test_retry_after_needs_no_right_clock() -> None:
    """A date counts from the answer's own Date, so a clock that is 5 minutes off changes nothing."""
    theirs = NOW + timedelta(minutes=5)
    until = format_datetime(theirs + timedelta(seconds=3), usegmt=True)
    assert wait_ms(until, date=theirs) == 3000


@given(st.text(max_size=40))
def test_no_retry_after_can_break_a_call(value: str) -> None:
    """Whatever it says, the delay is within its cap or there is none."""
    waited = retry_after_ms(Headers([("Retry-After", value)]), now=NOW, ms_max=8000)
    assert waited is None or 0 <= waited <= 8000
