"""The shell's ASGI application: page GETs -> composition; everything else -> Django."""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shell.settings")

from django.core.asgi import get_asgi_application

from bff.resilience import log, memory

log.configure()
_django = get_asgi_application()

from shell import wiring  # noqa: E402  the registry's models need Django to be set up
from shell.body_limit import within_limit  # noqa: E402
from shell.page_path import PagePath  # noqa: E402

_pages = PagePath(wiring.parts())
memory.for_long_running()


async def application(scope: Any, receive: Any, send: Any) -> None:
    """One request. Servers without lifespan (daphne) start the background work with the first request."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "http":
        await wiring.start()
        limited = await within_limit(scope, receive, send)
        if limited is not None and not await _pages.serve(scope, limited, send):
            await _django(scope, limited, send)
    else:
        # The shell has no socket of its own: closing before accepting is a 403.
        await send({"type": "websocket.close", "code": 1008})


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await wiring.start()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await wiring.stop()
            await send({"type": "lifespan.shutdown.complete"})
            return
