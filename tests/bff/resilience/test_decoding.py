"""Content codings are decoded up to a size limit; errors of the client library are translated."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyreqwest import exceptions as foreign

from bff.resilience.decoding import decoder
from bff.resilience.message import CallFailed, Headers
from bff.resilience.reason import Reason
from bff.resilience.translation import translate

pytestmark = pytest.mark.quick

CAP = 1000


def decode(body: bytes, coding: str = "", *, pieces: int = 7, cap: int = CAP) -> bytes:
    reading = decoder(Headers([("Content-Encoding", coding)] if coding else []), cap)
    for at in range(0, len(body), pieces):
        reading.feed(body[at : at + pieces])
    return reading.finish()


def refusal(body: bytes, coding: str = "", **more: int) -> Reason:
    with pytest.raises(CallFailed) as caught:
        decode(body, coding, **more)
    assert caught.value.answered
    return caught.value.reason


@given(st.binary(max_size=CAP), st.integers(1, 300))
def test_a_whole_body_comes_back_as_it_was(body: bytes, pieces: int) -> None:
    """Identity, gzip and deflate, in pieces of any size."""
    assert decode(body, pieces=pieces) == body
    assert decode(body, "identity", pieces=pieces) == body
    assert decode(gzip.compress(body), "gzip", pieces=pieces) == body
    assert decode(gzip.compress(body), "X-GZIP", pieces=pieces) == body
    assert decode(zlib.compress(body), "deflate, identity", pieces=pieces) == body


def test_the_cap_is_exact() -> None:
    """A body of the cap's size passes, one byte more does not."""
    for coding, pack in (("", bytes), ("gzip", gzip.compress)):
        assert len(decode(pack(b"x" * CAP), coding)) == CAP
        assert refusal(pack(b"x" * (CAP + 1)), coding) is Reason.OVERSIZE


def test_a_bomb_is_cut_at_the_cap() -> None:
    """What would become megabytes is not unpacked."""
    assert refusal(gzip.compress(b"\0" * 10_000_000), "gzip", pieces=100_000) is Reason.OVERSIZE


def test_a_cut_coding_is_no_body() -> None:
    """Without the end of the coded stream there is no proof that all of it came."""
    assert refusal(gzip.compress(b"abc" * 100)[:-9], "gzip") is Reason.CUT
    assert refusal(b"", "gzip") is Reason.CUT


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "gzip, br", "nonsense"])
def test_other_codings_are_refused(coding: str) -> None:
    """Nobody asked for them."""
    assert refusal(b"abc", coding) is Reason.ENCODING


def test_what_is_not_what_it_says_is_refused() -> None:
    """Plain bytes under gzip, a wrong checksum, and bytes behind the end."""
    packed = gzip.compress(b"abc" * 100)
    assert refusal(b"<html>", "gzip") is Reason.ENCODING
    assert refusal(packed[:-8] + b"\0" * 8, "gzip") is Reason.ENCODING
    assert refusal(packed + b"more", "gzip", pieces=10_000) is Reason.ENCODING
    assert refusal(packed + b"more", "gzip", pieces=1) is Reason.ENCODING


SENDING = "error sending request for url (http://a/?token=s3cret)"


@pytest.mark.parametrize(
    ("kind", "causes", "reason", "answered"),
    [
        (foreign.ConnectTimeoutError, [SENDING, "operation timed out"], Reason.TIMEOUT, False),
        (
            foreign.ConnectTimeoutError,
            [SENDING, "client error (Connect)", "operation timed out"],
            Reason.CONNECT_TIMEOUT,
            False,
        ),
        (foreign.ReadTimeoutError, ["operation timed out"], Reason.TIMEOUT, True),
        (
            foreign.ConnectError,
            [SENDING, "client error (Connect)", "tcp connect error", "Connection refused"],
            Reason.CONNECT,
            False,
        ),
        (foreign.ConnectError, [SENDING, "client error (Connect)", "dns error", "no such name"], Reason.DNS, False),
        (foreign.ConnectError, [SENDING, "client error (Connect)", "invalid peer certificate"], Reason.TLS, False),
        (foreign.ConnectError, [SENDING, "client error (SendRequest)", "connection closed"], Reason.CUT, False),
        (foreign.WriteError, [SENDING, "broken pipe"], Reason.CUT, False),
        (foreign.ReadError, ["unexpected EOF during chunk size line"], Reason.CUT, True),
        (foreign.BodyDecodeError, ["end of file before message length reached"], Reason.CUT, True),
        (foreign.BodyDecodeError, ["Invalid chunk size line"], Reason.FRAMING, True),
        (foreign.DecodeError, [SENDING, "message head is too large"], Reason.HEADERS_OVERSIZE, True),
        (foreign.DecodeError, [SENDING, "invalid HTTP version parsed"], Reason.FRAMING, True),
        (foreign.RequestPanicError, None, Reason.INTERNAL, False),
    ],
)
def test_foreign_errors_are_told_by_their_causes(
    kind: type[foreign.DetailedPyreqwestError], causes: list[str] | None, reason: Reason, answered: bool
) -> None:
    """The type misleads, the causes decide; no URL reaches a log."""
    details = {"causes": causes and [{"message": cause} for cause in causes]}
    failed = translate(kind("message", details))  # type: ignore[arg-type]
    assert (failed.reason, failed.answered) == (reason, answered)
    assert "s3cret" not in failed.detail


def test_an_error_without_details_is_our_mistake() -> None:
    """What is neither an answer nor a network failure is `internal`."""
    assert translate(OSError("odd")).reason is Reason.INTERNAL
