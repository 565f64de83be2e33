"""From an ASGI request to a visit: who, in which language and currency, to which page.

Public: `Incoming`, `visit_of`, `changed_cookie`.
"""

import re
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from django.conf import settings
from django.core import signing
from django.http import parse_cookie
from django.utils.translation import get_supported_language_variant
from django.utils.translation.trans_real import parse_accept_lang_header

from bff.contracts.own_write import MIN_SEQUENCE_QUERY, is_receipt_id, is_sequence
from bff.contracts.text import is_plain
from bff.resilience import log
from shell.composition.cold_reload import reloads_of
from shell.composition.page import Page, Visit
from shell.cookies import set_cookie
from shell.load_class import load_class_of
from shell.players.duties import duty_values
from shell.players.identity import Identity

VISITOR = re.compile(r"[0-9a-f]{32}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_CHANGED_SALT = "shell.changed"
CHANGED_COOKIE_S = 30
_REPLACEMENT = "\ufffd"  # what stands for bytes that are no UTF-8
QUERY_BYTES_MAX = 4096
QUERY_VALUE_CHARS_MAX = 128

logger = log.get("pages")


class Incoming(msgspec.Struct, frozen=True):
    """The parts of an ASGI http scope that the page path reads, decoded once. Header names are lower-case.

    Each name stands once and the scheme is what the browser used: the border has seen to that.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    scheme: str

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> "Incoming":
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        query = scope["query_string"][:QUERY_BYTES_MAX].decode("latin-1")
        return cls(
            method=scope["method"],
            path=scope["path"],
            query=dict(parse_qsl(query)),
            headers=headers,
            cookies=parse_cookie(headers.get("cookie", "")),
            scheme=scope.get("scheme", "http"),
        )


def visit_of(incoming: Incoming, page: Page, params: Mapping[str, str], identity: Identity | None) -> Visit:
    """The visit to `page`; hostile or malformed values of the request are left out."""
    language, locale = _languages(incoming.headers.get("accept-language", ""))
    traceparent = incoming.headers.get("traceparent", "")
    return Visit(
        page=page,
        params=params,
        language=language,
        locale=locale,
        currency=identity.currency if identity else settings.CURRENCY,
        origin=settings.PUBLIC_URL,
        player=identity.player if identity else "",
        player_name=identity.name if identity else "",
        session=identity.session if identity else "",
        session_ends=identity.ends if identity else 0,
        device="mobile" if "Mobi" in incoming.headers.get("user-agent", "") else "desktop",
        traceparent=traceparent if _TRACEPARENT.fullmatch(traceparent) else "",
        receipts=_receipts(incoming.query, page),
        min_sequence=_min_sequence(incoming),
        queries=_queries(incoming.query, page),
        template_values=duty_values(identity, now=int(time.time())),
        visitor=_visitor(incoming.cookies),
        load_class=load_class_of(incoming.method, incoming.path, incoming.query, signed_in=identity is not None),
        reloads=reloads_of(incoming.query),
    )


def changed_cookie(sequence: str) -> str:
    """Carries a player's own write over a redirect: for half a minute pages read at least `sequence`."""
    value = signing.TimestampSigner(salt=_CHANGED_SALT).sign(sequence)
    return set_cookie(settings.CHANGED_COOKIE_NAME, value, age_s=CHANGED_COOKIE_S)


def _visitor(cookies: Mapping[str, str]) -> str:
    value = cookies.get(settings.VISITOR_COOKIE_NAME, "")
    return value if VISITOR.fullmatch(value) else ""


def _receipts(query: Mapping[str, str], page: Page) -> dict[str, str]:
    if not query:
        return {}
    receipts = {slot.name: query.get(f"{slot.name}.receipt", "") for slot in page.slots}
    return {name: receipt for name, receipt in receipts.items() if is_receipt_id(receipt)}


def _queries(query: Mapping[str, str], page: Page) -> dict[str, dict[str, str]]:
    """Only what the pages table lets a slot be asked, as plain text in any script. What is no such text is left out."""
    if not query:
        return {}
    queries: dict[str, dict[str, str]] = {}
    for slot in page.slots:
        values = {name: query[f"{slot.name}.{name}"] for name in slot.query if f"{slot.name}.{name}" in query}
        queries[slot.name] = {
            name: value for name, value in values.items() if not _refused(page.name, f"{slot.name}.{name}", value)
        }
    return queries


def _refused(page: str, name: str, value: str) -> bool:
    why = ""
    if len(value) > QUERY_VALUE_CHARS_MAX:
        why = f"more than {QUERY_VALUE_CHARS_MAX} characters"
    elif not is_plain(value) or _REPLACEMENT in value:
        why = "a control character, or not UTF-8"
    if why:
        _log_left_out(page, name, why)
    return bool(why)


@lru_cache(maxsize=256)
def _log_left_out(page: str, name: str, why: str) -> None:
    """Once for each parameter that the pages table declares, as clients can send any number of others."""
    logger.warning("query_left_out", page=page, name=name, why=why)


def _min_sequence(incoming: Incoming) -> str:
    requested = incoming.query.get(MIN_SEQUENCE_QUERY, "")
    if is_sequence(requested):
        return requested
    value = incoming.cookies.get(settings.CHANGED_COOKIE_NAME, "")
    if not value:
        return ""
    try:
        return signing.TimestampSigner(salt=_CHANGED_SALT).unsign(value, max_age=CHANGED_COOKIE_S)
    except signing.BadSignature:
        return ""


@lru_cache(maxsize=512)
def _languages(accept: str) -> tuple[str, str]:
    """(language of the shell's own text, locale for numbers and dates) for an Accept-Language header."""
    accepted = [code for code, _ in parse_accept_lang_header(accept)]
    language = settings.LANGUAGE_CODE
    for code in accepted:
        try:
            language = get_supported_language_variant(code)
            break
        except LookupError:
            continue
    by_code = {locale.lower(): locale for locale in settings.LOCALES}
    locale = next((by_code[code] for code in accepted if code in by_code), settings.LOCALES[0])
    return language, locale
