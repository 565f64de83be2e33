"""A fragment's response: HTML, and the `Fragment-State` that declares it degraded.

Public: `Rendered`, `Degraded`, `fragment_view`.
"""

import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.loader import get_template

from bff.contracts import headers, text
from bff.contracts.page_head import PageHead, written_page_head
from bff.contracts.player_context import ContextRefused
from bff.contracts.view import Sequence as ViewSequence
from bff.resilience import log
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from bff.resilience.reason_properties import PROPERTIES, Source
from fragments.kit.context import Context, read_context
from fragments.kit.house import this_house
from fragments.kit.metrics import ANSWERS, SECONDS

_log = log.get("fragment")

ENGINE = "engine"


@dataclass(frozen=True, slots=True)
class Degraded:
    """The reason why the data is not current, the upstream that failed, and the time as of which the data is true.
    `retry_after_ms`: when to ask again.
    """

    reason: Reason
    as_of: datetime | None = None
    upstream: str = ""
    retry_after_ms: int | None = None

    @classmethod
    def by(cls, failure: Failure) -> "Degraded":
        """The degraded state that a failed call causes."""
        return cls(failure.reason, upstream=failure.upstream, retry_after_ms=failure.retry_after_ms)

    def named(self, feeds: Sequence[str]) -> "Degraded":
        """With the upstream that the reason means where none was named: the engine, or the first of `feeds`."""
        source = PROPERTIES[self.reason].source
        if self.upstream or source is None:
            return self
        return replace(self, upstream=ENGINE if source is Source.ENGINE else next(iter(feeds), ""))

    def header(self) -> str:
        """The value of `Fragment-State`."""
        upstream = f"; upstream={self.upstream}" if self.upstream else ""
        retry = f"; retry-after-ms={self.retry_after_ms}" if self.retry_after_ms else ""
        as_of = f"; as-of={rfc3339(self.as_of)}" if self.as_of else ""
        return f"degraded; reason={self.reason}{as_of}{upstream}{retry}"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A view's answer before it is HTTP. `page` is the template's only variable.

    `changed` are the classes of change that a command caused, `sequence` where to read them from; `cache_s` is for
    shared fragments only. `page_head` is a primary slot's metadata for the page's head. An action that is done may send
    the browser on to `location`, a page's pathname: then nothing is rendered.
    """

    template: str
    page: object
    status: int = 200
    degraded: Degraded | None = None
    changed: tuple[str, ...] = ()
    sequence: ViewSequence | None = None
    receipt_id: str = ""
    cache_s: int = 0
    page_head: PageHead | None = None
    location: str = ""


Handler = Callable[..., Awaitable[Rendered]]
View = Callable[..., Coroutine[Any, Any, HttpResponse]]


def fragment_view(*methods: str) -> Callable[[Handler], View]:
    """A Django view around a handler `(request, context, **path) -> Rendered`; GET and HEAD unless methods are named.

    A bearer that is not for this fragment is answered 401, so the shell shows its own sign-in card; a query or form
    with control characters 400, before any handler reads it.
    """
    allowed = methods or ("GET", "HEAD")

    def wrap(handler: Handler) -> View:
        async def view(request: HttpRequest, **path: Any) -> HttpResponse:
            if request.method not in allowed:
                return HttpResponseNotAllowed(allowed)
            started = time.perf_counter()
            try:
                context = read_context(
                    request, this_house(), settings.PLAYER_CONTEXT_PUBLIC_KEY, settings.PAGE_PATHNAMES
                )
                _check_text(request)
            except ContextRefused as refused:
                response = sign_in_again(refused.code)
                rendered = None
            except text.TextRefused as refused:
                response = not_text(str(refused))
                rendered = None
            else:
                rendered = await handler(request, context, **path)
                if rendered.degraded:
                    feeds = this_house().manifest.mullion.feeds
                    rendered = replace(rendered, degraded=rendered.degraded.named(feeds))
                response = respond(rendered, context, plain=not request.GET)
            reason, upstream = "", ""
            if rendered and rendered.degraded:
                reason, upstream = rendered.degraded.reason.value, rendered.degraded.upstream
                _log.warning("degraded", view=handler.__name__, reason=reason, upstream=upstream)
            ANSWERS.labels(handler.__name__, str(response.status_code), reason, upstream).inc()
            SECONDS.labels(handler.__name__).observe(time.perf_counter() - started)
            return response

        view.__name__ = handler.__name__
        return view

    return wrap


def respond(rendered: Rendered, context: Context, *, plain: bool) -> HttpResponse:
    """`rendered` as a complete response; `plain` says that no query was asked with."""
    if rendered.location:
        response = HttpResponse(status=303, headers={"Location": rendered.location})
    else:
        html = get_template(rendered.template).render({"page": rendered.page, "context": context})
        response = HttpResponse(html, status=rendered.status)
    response[headers.VERSION] = this_house().version
    response["Content-Length"] = str(len(response.content))
    response["Cache-Control"] = _cache_control(rendered, context, plain=plain)
    if rendered.degraded:
        response[headers.STATE] = rendered.degraded.header()
    if rendered.changed:
        at = f"; sequence={rendered.sequence[0]}:{rendered.sequence[1]}" if rendered.sequence else ""
        response[headers.CHANGED] = ", ".join(rendered.changed) + at
    if rendered.page_head:
        response[headers.PAGE] = written_page_head(rendered.page_head)
    if rendered.receipt_id:
        response[headers.RECEIPT] = rendered.receipt_id
    return response


def _cache_control(rendered: Rendered, context: Context, *, plain: bool) -> str:
    """What is no player's may be kept, to stand in for as long as the manifest's `stale_s_max` says: while this
    fragment is gone, or the shell has too much to do. Not what a query asks for: of these anybody can make any number.
    """
    whole = rendered.status == 200 and not rendered.degraded
    if whole and (rendered.cache_s or (plain and context.player is None)):
        return f"public, max-age={rendered.cache_s}"
    return "private, no-store"


def sign_in_again(code: str) -> HttpResponse:
    """401 for a bearer that is broken, expired or somebody else's; `code` says which, for programs."""
    response = HttpResponse(get_template("kit/sign_in_again.html").render(), status=401)
    response["WWW-Authenticate"] = f'Bearer error="invalid_token", error_description="{code}"'
    response["Content-Length"] = str(len(response.content))
    response["Cache-Control"] = "private, no-store"
    response[headers.VERSION] = this_house().version
    return response


def not_text(why: str) -> HttpResponse:
    """400 for a query or a form that is no plain text; `why` names the field, for programs."""
    response = HttpResponse(get_template("kit/not_text.html").render(), status=400)
    response["Content-Length"] = str(len(response.content))
    response["Cache-Control"] = "private, no-store"
    response[headers.VERSION] = this_house().version
    _log.warning("text_refused", detail=why)
    return response


def _check_text(request: HttpRequest) -> None:
    for given in (request.GET, request.POST):
        for name, values in given.lists():
            for value in values:
                text.check_fields({name: value})


def rfc3339(moment: datetime) -> str:
    """UTC, to the millisecond, with `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
