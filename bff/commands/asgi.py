"""The engine over HTTP: Django, and the runtime's start and end around it."""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bff.commands.settings")

import django
from django.core.handlers.asgi import ASGIHandler

from bff.commands.engine.policy import POLICY
from bff.contracts.load_class import LoadClass
from bff.resilience import log, memory
from bff.resilience.border import Border
from bff.resilience.door import Door, class_by_header, door_limiter
from bff.resilience.lean_handler import LeanHandler, Receive, Send
from bff.resilience.lifespan import serve_lifespan
from bff.resilience.partition_border import partitioned

log.configure()
django.setup(set_prefix=False)

from bff.commands.http import runtime  # noqa: E402 (needs Django's apps)

# Every touch of the database is in the engine's own threads, and a command goes on when its caller leaves.
_lean = LeanHandler(ASGIHandler(), outlives_caller=True, body_bytes_max=POLICY.body_bytes_max)
_django = partitioned(_lean, os.environ, brought_by="baggage")


async def _application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Starts the runtime with the first call of any kind, because not every server speaks lifespan."""
    runtime.start()
    if scope["type"] == "lifespan":
        await serve_lifespan(receive, send, stop=runtime.stop)
    else:
        await _django(scope, receive, send)


# Views limit the size of bodies themselves, so that a refusal is a problem that gives the reason.
application = Border(Door(_application, door_limiter(), class_by_header(LoadClass.READ)))
memory.for_long_running()
