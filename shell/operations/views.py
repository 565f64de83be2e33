"""Health, metrics and the status board of this shell process."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shell.operations.status import fragments
from shell.wiring import parts


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """200 while this process can serve pages, however its fragments are."""
    return JsonResponse({"status": "ok", "generation": parts().registry.current.generation})


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


@never_cache
@require_safe
def board(request: HttpRequest) -> HttpResponse:
    """Each fragment with its release, its last outcome and the last minute."""
    return render(
        request, "board.html", {"rows": fragments(parts()), "generation": parts().registry.current.generation}
    )
