"""Reads a browser's form, checks it at the border, and encodes it anew where it has files.

Public: `Form`, `FormRefused`, `read_form`.
A form with files is read by Django's parser and encoded once more, so that a fragment's parser meets one plain way to
write it, whatever was sent. Source of that: HTML, "multipart/form-data encoding algorithm"; RFC 7578.
"""

import asyncio
import re
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError

from shell.composition.proxy_policy import ProxyPolicy
from shell.proxy.admission import FILE_FORM, PLAIN_FORM

_TOO_LARGE = "The form is larger than this site takes. Nothing was done."
_UNREADABLE = "The form did not come as a browser sends one, so nothing was done. Reload the page and try again."
# A type and a subtype as RFC 9110 writes them.
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+-]{1,64}", re.IGNORECASE)
_ANY_TYPE = "application/octet-stream"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Form:
    """A form's body as its fragment gets it."""

    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class _File:
    """A file that was chosen in `field`; Django has taken every folder from its name."""

    field: str
    file: "UploadedFile[Any]"

    @property
    def name(self) -> str:
        return self.file.name or "file"

    @property
    def content_type(self) -> str:
        named = self.file.content_type or ""
        return named if _TYPE.fullmatch(named) else _ANY_TYPE


class FormRefused(Exception):
    """No fragment gets to see it; `status` and the message say why."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


async def read_form(request: HttpRequest, policy: ProxyPolicy) -> Form:
    """The form that `request` brings; raises `FormRefused`."""
    if request.content_type == FILE_FORM:
        return await asyncio.to_thread(_with_files, request, policy)  # megabytes are read there
    if request.content_type != PLAIN_FORM:
        raise FormRefused(415, "Only a form can be sent here. Nothing was done.")
    form_bytes = max(int(request.headers.get("Content-Length") or 0), len(request.body))
    if form_bytes > policy.form_bytes_max:
        raise FormRefused(413, _TOO_LARGE)
    return Form(PLAIN_FORM, request.body)


def _with_files(request: HttpRequest, policy: ProxyPolicy) -> Form:
    try:
        fields = [(name, value) for name, values in request.POST.lists() for value in values]
        files = [_File(name, each) for name, every in request.FILES.lists() for each in every]
    except (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent) as error:
        raise FormRefused(413, _TOO_LARGE) from error
    except (MultiPartParserError, UnicodeError) as error:
        raise FormRefused(400, _UNREADABLE) from error
    if len(fields) + len(files) > policy.form_parts_max:
        raise FormRefused(413, f"The form has more than {policy.form_parts_max} fields. Nothing was done.")
    if sum(len(name.encode()) + len(value.encode()) for name, value in fields) > policy.form_bytes_max:
        raise FormRefused(413, _TOO_LARGE)
    if any((each.file.size or 0) > policy.form_file_bytes_max for each in files):
        megabytes = policy.form_file_bytes_max / 2**20
        raise FormRefused(413, f"A file is larger than the {megabytes:g} MiB that this site takes. Nothing was done.")
    names = [*(name for name, _ in fields), *(each.field for each in files), *(each.name for each in files)]
    if any(len(name) > policy.form_name_chars_max or _CONTROL.search(name) for name in names):
        raise FormRefused(400, "A field or file of the form has a name that can not be passed on. Nothing was done.")
    boundary = f"mullion-{uuid4().hex}"
    return Form(f"{FILE_FORM}; boundary={boundary}", _encoded(fields, files, boundary))


def _encoded(fields: list[tuple[str, str]], files: list[_File], boundary: str) -> bytes:
    parts: list[bytes] = []
    for name, value in fields:
        parts += [f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n'.encode()]
        parts += [value.encode(), b"\r\n"]
    for each in files:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(each.field)}"'
        head += f'; filename="{_quoted(each.name)}"\r\nContent-Type: {each.content_type}\r\n\r\n'
        parts += [head.encode(), each.file.read(), b"\r\n"]
    parts.append(f"--{boundary}--\r\n".encode())
    return b"".join(parts)


def _quoted(name: str) -> str:
    return name.replace('"', "%22")
