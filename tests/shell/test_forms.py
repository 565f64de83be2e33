"""What a browser's form brings: read within bounds, written anew where it has files, or refused with a sentence."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest
from django.test import RequestFactory
from django.test.client import MULTIPART_CONTENT

from shell.composition.proxy_policy import ProxyPolicy
from shell.forms import Form, FormRefused, read_form
from shell.pages.notice import holds_the_form, notice

pytestmark = pytest.mark.quick
FEW = ProxyPolicy(form_parts_max=3, form_bytes_max=100, form_file_bytes_max=1000, form_name_chars_max=20)


def request(**data: Any) -> HttpRequest:
    return RequestFactory().post("/slots/lobby/wallet/form", data)


def raw(body: bytes, content_type: str = MULTIPART_CONTENT) -> HttpRequest:
    return RequestFactory().generic("POST", "/slots/lobby/wallet/form", body, content_type)


def part(disposition: str, words: bytes, more: str = "") -> bytes:
    head = f"--BoUnDaRyStRiNg\r\nContent-Disposition: form-data; {disposition}\r\n{more}\r\n"
    return head.encode() + words + b"\r\n"


END = b"--BoUnDaRyStRiNg--\r\n"


def holding(form: Form) -> str:
    """What a form holds, without the boundary that it was given."""
    boundary = form.content_type.partition("boundary=")[2]
    return form.body.decode().replace(boundary, "B").replace("\r\n", "|")


async def refused(form: HttpRequest, policy: ProxyPolicy = FEW) -> tuple[int, str]:
    with pytest.raises(FormRefused) as refusal:
        await read_form(form, policy)
    return refusal.value.status, str(refusal.value)


async def test_plain_form_is_passed_on_as_it_came() -> None:
    form = await read_form(raw(b"a=1&b=%20", "application/x-www-form-urlencoded"), FEW)
    assert form == Form("application/x-www-form-urlencoded", b"a=1&b=%20")
    assert (await refused(raw(b"a" * 101, "application/x-www-form-urlencoded")))[0] == 413
    assert (await refused(raw(b"{}", "application/json")))[0] == 415


async def test_form_with_files_is_written_anew() -> None:
    """Fields before files, one plain spelling of names, a type that is one; no folder of anybody's machine."""
    body = part('name="a"; filename="C:\\\\me\\\\x y.png"', b"PNG", "Content-Type: image/png\r\n")
    body += part('name="b\\"c"', b"words")
    body += part('name="d"; filename="../../e.txt"', b"E", "Content-Type: text/plain; charset=x\r\nX-Evil: 1\r\n")
    form = await read_form(raw(body + END), FEW)
    assert holding(form) == (
        '--B|Content-Disposition: form-data; name="b%22c"||words|'
        '--B|Content-Disposition: form-data; name="a"; filename="x y.png"|Content-Type: image/png||PNG|'
        '--B|Content-Disposition: form-data; name="d"; filename="e.txt"|Content-Type: text/plain||E|--B--|'
    )


async def test_file_of_no_type_is_bytes() -> None:
    body = part('name="a"; filename="a"', b"A", "Content-Type: <script>\r\n") + END
    assert "Content-Type: application/octet-stream" in holding(await read_form(raw(body), FEW))


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        ({"a": "1", "b": "2", "c": "3", "d": "4"}, 413, "more than 3 fields"),
        ({"a": "x" * 101}, 413, "The form is larger"),
        ({"a": SimpleUploadedFile("a", b"x" * 1001)}, 413, "A file is larger"),
        ({"a" * 21: "1"}, 400, "a name that can not be passed on"),
        ({"a": SimpleUploadedFile("a" * 21, b"x")}, 400, "a name that can not be passed on"),
    ],
)
async def test_form_beyond_a_bound_is_refused(data: dict[str, Any], status: int, words: str) -> None:
    found = await refused(request(**data))
    assert (found[0], words in found[1]) == (status, True), found


@pytest.mark.parametrize("body", [b"{}", b"--BoUnDaRyStRiNg\r\n"])
async def test_body_without_parts_is_an_empty_form(body: bytes) -> None:
    """What came is not passed on."""
    assert holding(await read_form(raw(body), FEW)) == "--B--|"


async def test_form_without_a_boundary_is_refused() -> None:
    assert (await refused(raw(b"x", "multipart/form-data")))[0] == 400


async def test_thousands_of_fields_are_not_read(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 2
    assert (await refused(request(a="1", b="2", c="3")))[0] == 413


@pytest.mark.parametrize(("field", "holds"), [("idempotency_key", True), ("note", False)])
def test_page_of_a_notice_holds_no_file(field: str, holds: bool) -> None:
    """So it does not offer to send the form once more, nor promise what only the form's own key could keep."""
    form = request(**{field: "key-of-one-form", "a": SimpleUploadedFile("a", b"x")})
    assert b"key-of-one-form" not in notice(form, 504, "No answer came.", again=True, key="k" * 32).content
    assert holds_the_form(form) is holds


def test_form_of_a_script_holds_its_key() -> None:
    """In its header, or in the form."""
    for headers, holds in (({"Idempotency-Key": "k" * 8}, True), ({}, False)):
        form = RequestFactory().post("/slots/lobby/wallet/form", {"a": "1"}, headers={"HX-Request": "true", **headers})
        assert holds_the_form(form) is holds
