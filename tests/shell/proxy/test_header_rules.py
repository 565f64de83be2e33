"""Which headers pass between browsers and fragments' APIs."""

import pytest

from bff.resilience.message import Headers
from shell.proxy.admission import is_form, limits_body, rejection
from shell.proxy.header_rules import SHELL_HEADERS, answer_headers, content_type_of, is_active, request_headers

pytestmark = pytest.mark.quick
HERE = {"host": "shell", "sec-fetch-site": "same-origin", "sec-fetch-dest": "empty"}


@pytest.mark.parametrize(
    ("name", "value", "passes"),
    [
        ("accept", "application/json", True),
        ("content-type", "application/json", True),
        ("range", "bytes=0-9", True),
        ("if-none-match", '"a"', True),
        ("last-event-id", "7", True),
        ("x-trace", "mine", True),
        ("x-requested-with", "XMLHttpRequest", True),
        ("x-trace", "a\r\nb", False),
        ("x-trace", "x" * 4097, False),
        ("cookie", "session=1", False),
        ("authorization", "Bearer x", False),
        ("proxy-authorization", "x", False),
        ("origin", "http://shell", False),
        ("referer", "http://shell/", False),
        ("host", "evil", False),
        ("connection", "x-trace", False),
        ("transfer-encoding", "chunked", False),
        ("content-length", "5", False),
        ("expect", "100-continue", False),
        ("te", "trailers", False),
        ("upgrade", "h2c", False),
        ("accept-encoding", "gzip", False),
        ("traceparent", "00-", False),
        ("baggage", "partition=x", False),
        ("idempotency-key", "of-the-shell", False),
        ("podium-mount-origin", "evil", False),
        ("mullion-deadline-ms", "9", False),
        ("mullion-grant", "x", False),
        ("hx-request", "true", False),
        ("x-forwarded-for", "x", False),
        ("x-http-method-override", "DELETE", False),
        ("x-original-url", "/admin", False),
        ("x-rewrite-url", "/admin", False),
    ],
)
def test_header_of_a_browser(name: str, value: str, passes: bool) -> None:
    passed = dict(request_headers({"accept": "*/*", name: value}))
    assert (name in passed) is passes


@pytest.mark.parametrize(
    ("name", "passes"),
    [
        *((name, True) for name in ("etag", "last-modified", "content-range", "accept-ranges", "retry-after")),
        *((name, True) for name in ("content-disposition", "content-language", "x-total-count", "ratelimit-remaining")),
        *((name, False) for name in ("set-cookie", "set-cookie2", "clear-site-data", "refresh", "location")),
        *((name, False) for name in ("service-worker-allowed", "sourcemap", "x-sourcemap", "link", "link-template")),
        *((name, False) for name in ("access-control-allow-origin", "access-control-allow-credentials")),
        *((name, False) for name in ("content-security-policy", "content-security-policy-report-only")),
        *((name, False) for name in ("cross-origin-opener-policy", "cross-origin-resource-policy", "x-frame-options")),
        *(
            (name, False)
            for name in ("permissions-policy", "document-policy", "origin-agent-cluster", "referrer-policy")
        ),
        *(
            (name, False)
            for name in ("report-to", "reporting-endpoints", "nel", "alt-svc", "strict-transport-security")
        ),
        *((name, False) for name in ("accept-ch", "critical-ch", "speculation-rules", "supports-loading-mode")),
        *(
            (name, False)
            for name in ("set-login", "activate-storage-access", "use-as-dictionary", "observe-browsing-topics")
        ),
        *((name, False) for name in ("www-authenticate", "proxy-authenticate", "connection", "keep-alive", "trailer")),
        *((name, False) for name in ("hx-redirect", "hx-trigger", "hx-refresh", "hx-location", "mullion-changed")),
        *((name, False) for name in ("x-accel-redirect", "x-sendfile", "x-lighttpd-send-file", "x-litespeed-location")),
        *((name, False) for name in ("cache-control", "expires", "age", "vary", "pragma", "server", "date", "via")),
        *((name, False) for name in ("x-content-type-options", "x-xss-protection", "x-dns-prefetch-control")),
    ],
)
def test_header_of_an_answer(name: str, passes: bool) -> None:
    assert bool(answer_headers(Headers([(name, "1")]))) is passes


def test_header_of_an_answer_can_not_be_two() -> None:
    assert answer_headers(Headers([("x-total", "1\r\nset-cookie: a=b")])) == []


@pytest.mark.parametrize(
    ("values", "meant"),
    [
        (["application/json"], "application/json"),
        (["text/html; charset=utf-8"], "text/html; charset=utf-8"),
        ([], "application/octet-stream"),
        ([""], "application/octet-stream"),
        (["json"], "application/octet-stream"),
        (["text/plain, text/javascript"], "application/octet-stream"),
        (["text/plain;a=b,text/javascript"], "application/octet-stream"),
        (["text/plain", "text/javascript"], "application/octet-stream"),
    ],
)
def test_type_of_an_answer_is_one_or_none(values: list[str], meant: str) -> None:
    """Two Content-Types are refused, as readers differ on which of them counts."""
    assert content_type_of(Headers([("content-type", value) for value in values])) == meant


@pytest.mark.parametrize(
    ("content_type", "active"),
    [
        *((name, True) for name in ("text/javascript", "application/javascript", "application/x-javascript")),
        *((name, True) for name in ("text/ecmascript", "text/jscript", "text/livescript", "text/javascript1.5")),
        *((name, True) for name in ("Text/JavaScript ; charset=utf-8", "text/css", "text/xsl", "application/xslt+xml")),
        *((name, True) for name in ("application/wasm", "text/cache-manifest", "application/speculationrules+json")),
        *((name, False) for name in ("application/json", "text/html", "image/svg+xml", "text/plain", "text/csv")),
        *((name, False) for name in ("application/pdf", "text/event-stream", "application/octet-stream", "image/png")),
    ],
)
def test_scripts_and_styles_are_recognised_by_their_type(content_type: str, active: bool) -> None:
    assert is_active(content_type) is active


def test_every_answer_is_nothing_that_could_stand_alone() -> None:
    headers = dict(SHELL_HEADERS)
    assert headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert "allow-" not in headers["content-security-policy"]
    assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "private, no-store")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, None),
        *(({"sec-fetch-dest": name}, None) for name in ("image", "audio", "video", "track", "")),
        *(({"sec-fetch-dest": name}, "destination") for name in ("document", "iframe", "frame", "embed", "object")),
        *(({"sec-fetch-dest": name}, "destination") for name in ("script", "style", "worker", "sharedworker", "xslt")),
        *(({"sec-fetch-dest": name}, "destination") for name in ("serviceworker", "audioworklet", "paintworklet")),
        *(
            ({"sec-fetch-dest": name}, "destination")
            for name in ("manifest", "font", "json", "fencedframe", "webidentity")
        ),
        ({"service-worker": "script"}, "destination"),
        *(({"sec-fetch-site": name}, "origin") for name in ("cross-site", "same-site", "none")),
        ({"sec-fetch-site": "", "origin": "http://shell"}, None),
        ({"sec-fetch-site": "", "origin": "http://evil"}, "origin"),
        ({"sec-fetch-site": "", "origin": "null", "referer": "http://shell/"}, "origin"),
        ({"sec-fetch-site": "", "referer": "http://shell/limits/"}, None),
        ({"sec-fetch-site": "", "referer": "http://shell.evil/"}, "origin"),
        ({"sec-fetch-site": "", "referer": "http://shell@evil/"}, "origin"),
        ({"sec-fetch-site": "", "referer": "http://[x"}, "origin"),
        ({"sec-fetch-site": ""}, "origin"),
        ({"sec-fetch-site": "cross-site", "origin": "http://shell", "referer": "http://shell/"}, "origin"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_who_may_ask_and_for_what(method: str, headers: dict[str, str], code: str | None) -> None:
    """Only the shell's own pages may request data, reading and writing alike."""
    found = rejection(method, {**HERE, **headers}, scheme="http")
    assert (found.code if found else None) == code


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_method_of_an_api_passes(method: str) -> None:
    assert rejection(method, HERE, scheme="http") is None


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get"])
def test_method_of_another_kind_is_refused(method: str) -> None:
    found = rejection(method, HERE, scheme="http")
    assert found is not None
    assert found.status == 405


@pytest.mark.parametrize(
    ("method", "headers", "form"),
    [
        ("POST", {"content-type": "application/x-www-form-urlencoded", "sec-fetch-mode": "navigate"}, True),
        ("POST", {"content-type": "Multipart/Form-Data; boundary=x", "sec-fetch-mode": "navigate"}, True),
        ("POST", {"content-type": "application/x-www-form-urlencoded", "hx-request": "true"}, True),
        ("POST", {"content-type": "application/x-www-form-urlencoded"}, True),
        ("POST", {"content-type": "application/x-www-form-urlencoded", "sec-fetch-mode": "cors"}, False),
        ("POST", {"content-type": "application/json", "hx-request": "true"}, False),
        ("POST", {"sec-fetch-mode": "navigate"}, False),
        ("PUT", {"content-type": "application/x-www-form-urlencoded"}, False),
        ("GET", {"sec-fetch-mode": "navigate"}, False),
    ],
)
def test_form_is_what_a_browser_or_htmx_sends_as_one(method: str, headers: dict[str, str], form: bool) -> None:
    """A script's `fetch` with a form's content type is a request for data."""
    assert is_form(method, headers) is form
    scope = {
        "path": "/slots/a/b/c",
        "method": method,
        "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
    }
    assert limits_body(scope) is not form
    assert limits_body({**scope, "path": "/sign-in/"}) is False
