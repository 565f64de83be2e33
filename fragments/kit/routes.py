"""The addresses that every fragment has: its manifest, fallback, assets, health and metrics.

Public: `kit_routes`.
"""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import get_template
from django.urls import URLPattern, path
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bff.contracts import headers
from bff.contracts.paths import HEALTH_PATH, METRICS_PATH, READY_PATH
from bff.resilience.drain import DRAIN
from fragments.kit.house import this_house

# Without the first no module of another origin runs; without the second a page that isolates itself loads nothing.
_ANY_ORIGIN = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}


def kit_routes() -> list[URLPattern]:
    """To be added to a fragment's own `urlpatterns`."""
    return [
        path("manifest.json", manifest),
        path("fallback", fallback),
        path("static/<path:name>", static),
        path(HEALTH_PATH.removeprefix("/"), healthz),
        path(READY_PATH.removeprefix("/"), readyz),
        path(METRICS_PATH.removeprefix("/"), metrics),
    ]


async def manifest(request: HttpRequest) -> HttpResponse:
    """Podium's v5 manifest with the `mullion` key."""
    house = this_house()
    response = HttpResponse(house.manifest_body, content_type="application/json")
    response["Cache-Control"] = "no-cache"
    response[headers.VERSION] = house.version
    return response


async def fallback(request: HttpRequest) -> HttpResponse:
    """The fragment's own fallback: fixed HTML without data, as large as what it replaces."""
    response = HttpResponse(get_template(settings.FRAGMENT_FALLBACK).render({"pathnames": settings.PAGE_PATHNAMES}))
    response[headers.VERSION] = this_house().version
    return response


async def static(request: HttpRequest, name: str) -> HttpResponse:
    """A declared asset. The shell's pages get a copy, those of another layout link it here: any origin may read it."""
    file = this_house().static.get(name)
    if file is None:
        raise Http404(f"no asset {name!r} is declared in the manifest")
    if request.headers.get("if-none-match") == file.etag:
        return HttpResponse(status=304, headers={"ETag": file.etag, **_ANY_ORIGIN})
    held = {"ETag": file.etag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(file.body, content_type=file.content_type, headers={**held, **_ANY_ORIGIN})


async def healthz(request: HttpRequest) -> HttpResponse:
    """200: this process can render. The BFF's state does not count, as its failure is rendered as a degraded slot."""
    return HttpResponse("ok\n", content_type="text/plain")


async def readyz(request: HttpRequest) -> HttpResponse:
    """200 while requests are welcome; 503 once the process is ending, when it still serves who is connected."""
    if DRAIN.active:
        return HttpResponse("ending\n", content_type="text/plain", status=503)
    return HttpResponse("ready\n", content_type="text/plain")


async def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format."""
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)
