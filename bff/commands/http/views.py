"""The engine's endpoints beside commands.

Public: `healthz`, `metrics`, `unknown_path`.
"""

from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bff.commands.http import responses
from bff.commands.http.runtime import runtime
from bff.commands.ledger.command_request import CommandRejected


async def healthz(_request: HttpRequest) -> HttpResponse:
    """Ready as soon as it answers; whether the provider can be reached is stated, not required."""
    return JsonResponse({"status": "ok", "payments": "up" if runtime().heartbeat.payments_up else "down"})


async def metrics(_request: HttpRequest) -> HttpResponse:
    """Prometheus' text format."""
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


async def unknown_path(_request: HttpRequest) -> HttpResponse:
    """404 as a problem."""
    return responses.problem(CommandRejected(404, "path_unknown", "There is nothing here."))
