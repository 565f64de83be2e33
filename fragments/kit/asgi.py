"""The ASGI application of a fragment: no database, so it is served without Django's per-request threads.

Public: `FragmentHandler`, `application_for`.
"""

import os
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.urls import set_script_prefix

from bff.contracts.load_class import LoadClass
from bff.contracts.manifest import ManifestRefused
from bff.resilience import log, memory
from bff.resilience.border import Border
from bff.resilience.door import Door, class_by_header, door_limiter
from bff.resilience.lean_handler import DjangoHandler, LeanHandler, Receive, Scope, Send
from bff.resilience.lifespan import serve_lifespan
from bff.resilience.partition_border import partitioned
from fragments.kit.policy import POLICY


def _prefix(scope: Scope) -> None:
    set_script_prefix(get_script_prefix(scope))


class FragmentHandler:
    """An ASGI application over Django's handler. `on_stop` runs once, when the server shuts down."""

    def __init__(self, django: DjangoHandler, on_stop: Callable[[], Awaitable[None]]) -> None:
        self._serve = LeanHandler(django, prepare=_prefix)
        self._on_stop = on_stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the server's start and stop."""
        if scope["type"] == "lifespan":
            await serve_lifespan(receive, send, stop=self._on_stop)
        else:
            await self._serve(scope, receive, send)


def application_for(settings_module: str, *closing: str) -> Border:
    """The ASGI application of the fragment whose settings these are (the environment may name others).

    `closing` names functions of the fragment's own (`module:function`) that close what it called besides the BFF.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module)
    django.setup(set_prefix=False)
    log.configure()
    from fragments.kit.bff import close_clients
    from fragments.kit.warm import warm

    warm(_house_folder())  # a broken manifest or template stops the process at its start, not at a request

    async def stop() -> None:
        await close_clients()
        for name in closing:
            module, _, function = name.partition(":")
            await getattr(import_module(module), function)()

    memory.for_long_running()
    handler = partitioned(FragmentHandler(ASGIHandler(), stop), os.environ, brought_by="baggage")
    door = Door(handler, door_limiter(), class_by_header(LoadClass.PAGE))
    return Border(door, body_bytes_max=POLICY.request_body_bytes_max)


def _house_folder() -> Path:
    """The fragment's own; a mistake in its files is one sentence, with which the process ends."""
    from fragments.kit.house import this_house

    try:
        return this_house().folder
    except OSError as error:
        raise ImproperlyConfigured(f"{error.filename} can not be read: {error.strerror}.") from error
    except (ManifestRefused, ValueError) as error:
        raise ImproperlyConfigured(f"This fragment can not start: {error}") from error
