"""Which requests are passed on to a fragment's API: those from the shell's own pages, for data, never for script or
style.

Public: `METHODS`, `UNSAFE`, `PLAIN_FORM`, `FILE_FORM`, `rejection`, `is_form`, `is_file_form`, `limits_body`,
`Rejection`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from shell.composition.slot_path import SLOTS_PREFIX
from shell.security import same_origin

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# What a page shows or reads. Script, style, worker, frame, object, font, manifest and page are not among them, nor what
# browsers will call a destination tomorrow.
_DESTINATIONS = frozenset({"", "empty", "image", "audio", "video", "track"})
PLAIN_FORM, FILE_FORM = "application/x-www-form-urlencoded", "multipart/form-data"
_FORMS = frozenset({PLAIN_FORM, FILE_FORM})


@dataclass(frozen=True, slots=True)
class Rejection:
    """A status, and the problem's word and sentence."""

    status: int
    code: str
    detail: str


def rejection(method: str, headers: Mapping[str, str], *, scheme: str) -> Rejection | None:
    """Why the request reaches no fragment, None where it may."""
    if method not in METHODS:
        return Rejection(405, "method", f"{method[:16]} is not passed on; {', '.join(sorted(METHODS))} are.")
    if not _is_same_origin(headers, scheme):
        return Rejection(403, "origin", "This did not come from a page of this site, so nothing was done.")
    destination = headers.get("sec-fetch-dest", "")
    if destination not in _DESTINATIONS or "service-worker" in headers:
        return Rejection(
            403, "destination", "What a fragment's API answers is data: it is no page, frame, script, style or worker."
        )
    return None


def is_form(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a form was sent, by the browser itself or by htmx: it is answered with the slot, not with data."""
    if method != "POST" or headers.get("content-type", "").partition(";")[0].strip().lower() not in _FORMS:
        return False
    if headers.get("hx-request") == "true":
        return True
    # A browser that says nothing of what it fetches is old, and its forms must go on working.
    return headers.get("sec-fetch-mode", "navigate") == "navigate"


def is_file_form(scope: Mapping[str, Any]) -> bool:
    """Whether the request brings a form with files to a fragment."""
    if not scope["path"].startswith(SLOTS_PREFIX):
        return False
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return FILE_FORM in headers.get("content-type", "").lower() and is_form(scope["method"], headers)


def limits_body(scope: Mapping[str, Any]) -> bool:
    """Whether the body is for a fragment's API, which has limits of its own for what it passes on."""
    if not scope["path"].startswith(SLOTS_PREFIX):
        return False
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return not is_form(scope["method"], headers)


def _is_same_origin(headers: Mapping[str, str], scheme: str) -> bool:
    """Reading counts as much as writing: the answer may be one player's.

    An old browser's GET has no `Origin`, so its `Referer` says.
    """
    host, fetch_site = headers.get("host", ""), headers.get("sec-fetch-site", "")
    origin = headers.get("origin", "")
    if not fetch_site and not origin:
        try:
            referer = urlsplit(headers.get("referer", ""))
        except ValueError:
            return False
        origin = f"{referer.scheme}://{referer.netloc}"
    return same_origin(fetch_site=fetch_site, origin=origin, host=host, scheme=scheme)
