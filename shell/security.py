"""The shell's borders in HTTP: headers on every answer, hosts it answers to, origins that may change something.

Public: `header_list`, `host_allowed`, `same_origin`, `headers_middleware`, `same_origin_middleware`,
`REGISTRY_PREFIX`.
The raw page path uses the same lists as Django's answers do.
"""

from functools import cache, lru_cache
from typing import Any
from urllib.parse import urlsplit

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.http.request import split_domain_port, validate_host
from django.utils.decorators import sync_and_async_middleware

REGISTRY_PREFIX = "/registry/"
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@lru_cache(maxsize=64)
def content_security_policy(pictures: tuple[str, ...] = (), frames: tuple[str, ...] = ()) -> str:
    """No inline script or stylesheet, and no frame but of an approved origin.

    The browser meets two origins of ours at most: the shell's and the BFF's. `pictures` and `frames` are of those
    fragments that stand in the page.
    """
    live = urlsplit(settings.BFF_PUBLIC_URL)
    socket = f"{'wss' if live.scheme == 'https' else 'ws'}://{live.netloc}"
    media = " ".join(settings.MEDIA_ORIGINS)
    shown = " ".join(dict.fromkeys([*settings.PICTURE_ORIGINS, *pictures]))
    framed = " ".join(dict.fromkeys([*settings.FRAME_ORIGINS, *frames])) or "'none'"
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            # The `style` of an element alone: containment reads it of trusted fragments, and takes it off all others.
            "style-src-attr 'unsafe-inline'",
            f"img-src 'self' data: {shown}".rstrip(),
            "font-src 'self'",
            f"connect-src 'self' {socket} {live.scheme}://{live.netloc} {media}".rstrip(),
            f"media-src 'self' blob: {media}".rstrip(),
            f"frame-src {framed}",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'none'",
            # Chromium checks where each redirect of a form's leads, too; the shell sends it nowhere else anyway.
            " ".join(["form-action 'self'", *settings.FORM_ORIGINS]),
            "frame-ancestors 'none'",
        ]
    )


@cache
def header_list() -> tuple[tuple[str, str], ...]:
    """Security headers of every page: what Django's middleware sets, and the policy that it does not know."""
    headers = [
        ("content-security-policy", content_security_policy()),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", settings.SECURE_REFERRER_POLICY),
        ("cross-origin-opener-policy", settings.SECURE_CROSS_ORIGIN_OPENER_POLICY),
        ("x-frame-options", settings.X_FRAME_OPTIONS),
        ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ]
    if settings.SECURE_HSTS_SECONDS:
        subdomains = "; includeSubDomains" if settings.SECURE_HSTS_INCLUDE_SUBDOMAINS else ""
        preload = "; preload" if settings.SECURE_HSTS_PRELOAD else ""
        headers.append(("strict-transport-security", f"max-age={settings.SECURE_HSTS_SECONDS}{subdomains}{preload}"))
    return tuple(headers)


@lru_cache(maxsize=256)
def host_allowed(host: str) -> bool:
    """Whether the shell answers to this Host header."""
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def same_origin(*, fetch_site: str, origin: str, host: str, scheme: str) -> bool:
    """Whether a request that changes something came from a page of the shell.

    `Sec-Fetch-Site` decides where the browser sends it, `Origin` otherwise; a request with neither is refused.
    """
    if fetch_site:
        return fetch_site == "same-origin"
    return bool(host) and origin == f"{scheme}://{host}"


@sync_and_async_middleware
def headers_middleware(get_response: Any) -> Any:
    """Puts the shell's headers on Django's answers."""
    if iscoroutinefunction(get_response):

        async def answer_later(request: HttpRequest) -> HttpResponseBase:
            return _with_headers(await get_response(request))

        return answer_later

    def answer(request: HttpRequest) -> HttpResponseBase:
        return _with_headers(get_response(request))

    return answer


@sync_and_async_middleware
def same_origin_middleware(get_response: Any) -> Any:
    """Refuses unsafe methods that do not come from the shell's own pages, before any view is chosen."""
    if iscoroutinefunction(get_response):

        async def answer_later(request: HttpRequest) -> HttpResponseBase:
            refusal = _refusal(request)
            return refusal if refusal is not None else await get_response(request)

        return answer_later

    def answer(request: HttpRequest) -> HttpResponseBase:
        refusal = _refusal(request)
        return refusal if refusal is not None else get_response(request)

    return answer


def _with_headers(response: HttpResponseBase) -> HttpResponseBase:
    for name, value in header_list():
        response.headers.setdefault(name, value)
    return response


def _refusal(request: HttpRequest) -> HttpResponse | None:
    # The registry's API reads no cookie, so another site's page has nothing there to act with.
    if request.method not in UNSAFE or request.path.startswith(REGISTRY_PREFIX):
        return None
    if same_origin(
        fetch_site=request.headers.get("Sec-Fetch-Site", ""),
        origin=request.headers.get("Origin", ""),
        host=request.headers.get("Host", ""),
        scheme="https" if request.is_secure() else "http",
    ):
        return None
    text = "This request did not come from a page of this site, so nothing was done. Open the site and try there."
    return HttpResponse(text, status=403, content_type="text/plain; charset=utf-8")
