"""Bytes are read as UTF-8 HTML or not at all."""

import pytest

from bff.resilience.reason import Reason
from shell.composition.contain import Contained, Container, LinkPolicy, Refusal

pytestmark = pytest.mark.quick

PREFIX = "/slots/lobby/wallet"


def put(body: bytes, content_type: str | None = "text/html; charset=utf-8") -> Contained | Refusal:
    return Container().contain(body, content_type, prefix=PREFIX, isolation="shadow", links=LinkPolicy())


@pytest.mark.parametrize(
    "content_type", [None, "", "application/json", "text/plain", "text/htmlx", "text/html, text/html"]
)
def test_other_content_types_are_refused(content_type: str | None) -> None:
    """Only text/html is read, by its header and never by its looks."""
    refused = put(b"<p>x</p>", content_type)
    assert isinstance(refused, Refusal)
    assert refused.reason is Reason.CONTENT_TYPE


@pytest.mark.parametrize(
    "content_type",
    [
        "text/html",
        "TEXT/HTML;charset=UTF-8",
        'text/html; charset="utf-8"',
        "text/html;charset=utf8",
        " text/html ; x=y",
    ],
)
def test_html_in_utf8_is_read(content_type: str) -> None:
    """A charset that is left out means UTF-8."""
    assert isinstance(put("<p>€</p>".encode(), content_type), Contained)


@pytest.mark.parametrize("charset", ["iso-8859-1", "latin1", "windows-1252", "utf-16", "utf-7", '"utf-16le"'])
def test_other_charsets_are_refused(charset: str) -> None:
    """A declared charset other than UTF-8 is refused even where the bytes would pass."""
    refused = put(b"<p>x</p>", f"text/html; charset={charset}")
    assert refused == Refusal(Reason.ENCODING, refused.detail)


@pytest.mark.parametrize(
    "body",
    [
        b"<p>\xe9</p>",
        b"<p>\xc0\xaf</p>",
        b"<p>\xed\xa0\x80</p>",
        b"\xff\xfe<\x00p\x00>\x00",
        b"\xfe\xff\x00<\x00p\x00>",
        "<p>x</p>".encode("utf-16"),
        "<p>x</p>".encode("utf-32"),
        b"<p>a\0b</p>",
        b"<p>a\x7fb</p>",
        b"<p>\xf5\x80\x80\x80</p>",
    ],
)
def test_bytes_that_are_not_utf8_text_are_refused(body: bytes) -> None:
    """Invalid UTF-8, UTF-16 and NUL never become mojibake."""
    refused = put(body)
    assert isinstance(refused, Refusal)
    assert refused.reason is Reason.ENCODING


def test_utf8_mark_is_dropped() -> None:
    """A UTF-8 byte order mark is not text."""
    contained = put(b"\xef\xbb\xbf<p>x</p>")
    assert isinstance(contained, Contained)
    assert contained.html == b"<p>x</p>"


@pytest.mark.parametrize(
    "body",
    ["<!doctype html><p>502</p>", "<html><body>x", " \n<!-- a --><HTML>", "<head><title>x</title></head>x", "<body>x"],
)
def test_whole_document_is_refused(body: str) -> None:
    """A page of its own, an error page for one, is not a fragment."""
    refused = put(body.encode())
    assert refused == Refusal(Reason.UNSAFE_HTML, "a whole document, not a fragment")
