"""The browser's Accept-Encoding decides how a body is encoded, and whatever it says, the body arrives."""

import gzip

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shell.composition.content_coding import CodedBody

pytestmark = pytest.mark.quick

CSS = b".card { color: var(--ink); }\n" * 40
BODY = CodedBody.of("text/css; charset=utf-8", CSS)
DECODERS = {"": lambda body: body, "br": brotli.decompress, "gzip": gzip.decompress}


def coding_of(accept_encoding: str) -> str:
    """The content coding of the answer, whose body was decoded with it."""
    headers, body = BODY.answer_to(accept_encoding)
    fields = dict(headers)
    assert fields.pop("vary") == "accept-encoding"
    coding = fields.pop("content-encoding", "")
    assert fields == {}
    assert DECODERS[coding](body) == CSS
    return coding


@pytest.mark.parametrize(
    ("accept_encoding", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("GZIP", "gzip"),
        ("br;q=0.5, gzip;q=0.8", "gzip"),
        ("br;q=0, gzip;q=1.0", "gzip"),
        ("br; q=0.001", "br"),
        ("*", "br"),
        ("*;q=0.5, br;q=0", "gzip"),
        ("gzip;q=0.5, identity", ""),
        ("gzip, identity", "gzip"),
        ("", ""),
        ("identity", ""),
        ("zstd, deflate, compress", ""),
        ("identity;q=0, *;q=0", ""),
        ("br;q=0, gzip;q=0", ""),
        ("br;q=2, gzip;q=nan", ""),
        ("br;q=1e3, gzip;q=-1", ""),
        ("br;level=9", ""),
        (",;=,;q=,\x00,gzip;", "gzip"),
    ],
)
def test_the_coding_that_the_browser_weighs_highest_is_sent(accept_encoding: str, coding: str) -> None:
    """Of equals the smallest; what it does not know, refuses or can not say plainly is sent as it is."""
    assert coding_of(accept_encoding) == coding


@given(st.text(alphabet=st.sampled_from("brgzip*identy;q=,.019 \t\x00é"), max_size=60))
def test_no_accept_encoding_keeps_the_body_from_arriving(accept_encoding: str) -> None:
    """A header is hostile until it is read: none of them ends in anything but the same bytes."""
    coding_of(accept_encoding)


@given(st.binary(max_size=2000))
def test_compressed_bodies_decode_to_the_same_bytes(body: bytes) -> None:
    """And no compressed form is kept that is not smaller."""
    made = CodedBody.of("text/javascript; charset=utf-8", body)
    assert made.plain == body
    for coding, coded in made.coded.items():
        assert DECODERS[coding](coded) == body
        assert len(coded) < len(body)


@pytest.mark.parametrize("content_type", ["image/png", "font/woff2"])
def test_what_is_compressed_already_is_sent_as_it_is(content_type: str) -> None:
    """Then the answer is one for every browser, and does not vary."""
    assert CodedBody.of(content_type, CSS).answer_to("br, gzip") == ([], CSS)
