"""The handling that all command addresses of the engine share, and the views of the money commands.

Public: `endpoint`, `command_view`. A command answers 200 when it is done or declined, 202 while it is pending; 503
`engine_down` when nothing was done, 504 `outcome_unknown` when it is not known whether it was.
"""

import time
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from prometheus_client import Counter, Histogram

from bff.commands.engine.threads import EngineUnavailable
from bff.commands.handlers.table import Handle
from bff.commands.http import requests, responses
from bff.commands.http.runtime import runtime
from bff.commands.ledger.command_request import CommandRejected
from bff.commands.ledger.receipts import on_the_wire
from bff.contracts import codes
from bff.resilience import log

logger = log.get("bff-commands")

COMMANDS = Counter("mullion_commands_total", "Commands by how they ended", ["command", "outcome"])
SECONDS = Histogram("mullion_command_seconds", "From request to answer", ["command"])

View = Callable[[HttpRequest], Coroutine[Any, Any, HttpResponse]]


def endpoint(command: str) -> Callable[[View], View]:
    """Turns what a command raises into problems, and counts how commands end."""

    def decorate(view: View) -> View:
        async def answered(request: HttpRequest) -> HttpResponse:
            began = time.perf_counter()
            try:
                if request.method != "POST":
                    raise CommandRejected(405, "method_not_allowed", "Commands are posted.")
                response = await runtime().finish(view(request))
                outcome = str(response.status_code)
            except CommandRejected as error:
                response, outcome = responses.problem(error), error.code
            except EngineUnavailable as error:
                logger.warning("command_unavailable", command=command, detail=str(error))
                rejection = _UNKNOWN if error.outcome_unknown else _UNAVAILABLE
                response, outcome = responses.problem(rejection), rejection.code
            COMMANDS.labels(command, outcome).inc()
            SECONDS.labels(command).observe(time.perf_counter() - began)
            return response

        return answered

    return decorate


_UNAVAILABLE = CommandRejected(
    503,
    codes.ENGINE_DOWN,
    "Money can not be moved at this moment, and nothing was done. Your balance is safe; try again with the same key.",
)
_UNKNOWN = CommandRejected(
    504,
    "outcome_unknown",
    "We do not know yet whether this was done. Your balance is safe; ask again with the same key, and it counts once.",
)


def command_view(name: str, scopes: frozenset[str], body: type[msgspec.Struct], handle: Handle) -> View:
    """`POST /commands/<name>`; of several scopes one is enough."""

    @endpoint(name)
    async def view(http_request: HttpRequest) -> HttpResponse:
        request, parsed = requests.read(http_request, name, scopes, body)
        receipt = await handle(runtime(), request, parsed)
        return responses.answer(on_the_wire(receipt), 202 if receipt.state == "pending" else 200)

    return view
