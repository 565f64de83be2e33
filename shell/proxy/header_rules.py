"""Which headers pass between a browser and a fragment's API, and what a browser may do with an answer.

Public: `request_headers`, `answer_headers`, `content_type_of`, `is_active`, `SHELL_HEADERS`.

Both ways are allow-lists: a header that some browser will give a meaning to tomorrow is not among them. `X-` headers
are an API's own and pass, apart from those that browsers or proxies act on.
"""

import re
from collections.abc import Mapping

from bff.contracts.headers import is_reserved
from bff.resilience.message import Headers

_REQUEST = frozenset(
    {
        *("accept", "accept-language", "content-language", "content-type", "last-event-id", "prefer"),
        *("if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "range"),
    }
)
_ANSWER = frozenset(
    {
        *("accept-ranges", "allow", "content-disposition", "content-encoding", "content-language", "content-range"),
        *("deprecation", "etag", "last-modified", "preference-applied", "retry-after", "sunset"),
        *("ratelimit", "ratelimit-limit", "ratelimit-policy", "ratelimit-remaining", "ratelimit-reset"),
    }
)
# A browser, an edge or a framework does something at these.
_X_ACTED_ON = (
    *(
        "x-accel-",
        "x-content-security-policy",
        "x-content-type-options",
        "x-dns-prefetch-control",
        "x-download-options",
    ),
    *("x-forwarded-", "x-frame-options", "x-http-method", "x-lighttpd-", "x-litespeed-", "x-method-override"),
    *("x-original-", "x-permitted-cross-domain-policies", "x-powered-by", "x-real-ip", "x-rewrite-", "x-robots-tag"),
    *("x-sendfile", "x-sourcemap", "x-ua-compatible", "x-webkit-csp", "x-xss-protection"),
)
_X = re.compile(r"x-[a-z0-9-]{1,64}")
_VALUE = re.compile(r"[\t -~]{0,4096}")
# One type, with its parameters if any.
_TYPE = re.compile(r"([A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+)\s*(;[\t -+\x2d-~]*)?")
_UNKNOWN = "application/octet-stream"
# What a page would run or be dressed by. A type that only names one of these languages counts, too.
_ACTIVE = re.compile(
    r".*(javascript|ecmascript|jscript|livescript).*|text/(css|xsl|xml-external.*|cache-manifest|vbscript)"
    r"|application/(wasm|xslt\+xml|importmap\+json|speculationrules\+json|x-shockwave-flash|java.*)"
)

# On every answer, also on the shell's own that stand in the place of one.
SHELL_HEADERS = (
    ("cache-control", "private, no-store"),
    (
        "content-security-policy",
        "sandbox; default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-accel-buffering", "no"),  # nginx would keep events back
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
)


def request_headers(incoming: Mapping[str, str]) -> list[tuple[str, str]]:
    """The browser's headers (names in lower case) that the fragment gets: no cookie, no origin, no bearer."""
    passed = [
        (name, value)
        for name, value in incoming.items()
        if (name in _REQUEST or _is_own(name)) and _VALUE.fullmatch(value) and not is_reserved(name)
    ]
    return passed if "accept" in incoming else [*passed, ("accept", "*/*")]


def answer_headers(headers: Headers) -> list[tuple[str, str]]:
    """The answer's headers that are passed on to the browser, except its content type."""
    return [(name, value) for name, value in headers if (name in _ANSWER or _is_own(name)) and _VALUE.fullmatch(value)]


def content_type_of(headers: Headers) -> str:
    """The answer's type; `application/octet-stream` where it has none, or more than one."""
    values = headers.get_all("content-type")
    return values[0] if len(values) == 1 and _TYPE.fullmatch(values[0]) else _UNKNOWN


def is_active(content_type: str) -> bool:
    """Whether a page could take it for script or style."""
    return _ACTIVE.fullmatch(content_type.partition(";")[0].strip().lower()) is not None


def _is_own(name: str) -> bool:
    return _X.fullmatch(name) is not None and not name.startswith(_X_ACTED_ON)
