"""The shell's ASGI application: page GETs -> composition, fragments' APIs -> their proxies, the rest -> Django."""

import os
import sys
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shell.settings")

from django.conf import settings
from django.core.asgi import get_asgi_application

from bff.resilience import log, memory
from bff.resilience.border import Border
from bff.resilience.door import Door
from bff.resilience.lifespan import serve_lifespan
from bff.resilience.partition_border import partitioned

log.configure()
_django = get_asgi_application()

from bff.contracts.paths import HEALTH_PATH  # noqa: E402
from shell import wiring  # noqa: E402  the registry's models need Django to be set up
from shell.admission import BODY_BYTES_MAX, answer_health, is_internal, refused_response  # noqa: E402
from shell.load_class import classify  # noqa: E402
from shell.operations.inner_port import InnerPort  # noqa: E402
from shell.operations.production import unsafe  # noqa: E402
from shell.page_path import PagePath  # noqa: E402
from shell.pages.busy import busy  # noqa: E402
from shell.preview_cookie import previewed  # noqa: E402
from shell.proxy.admission import is_file_form, limits_body  # noqa: E402
from shell.proxy.file_forms import FileForms  # noqa: E402
from shell.proxy.origin_files import OriginFilePath  # noqa: E402
from shell.proxy.path import ProxyPath  # noqa: E402
from shell.responses import respond  # noqa: E402

if problems := unsafe():
    sys.exit("\n".join(problems))
_pages = PagePath(wiring.parts())
_proxies = ProxyPath(wiring.parts())
_origin_files = OriginFilePath(wiring.parts())
_inner_port = InnerPort(wiring.parts(), _pages)
memory.for_long_running()


async def _application(scope: Any, receive: Any, send: Any) -> None:
    """One request. Servers without lifespan (daphne) start the background work with the first request."""
    if scope["type"] == "lifespan":
        await serve_lifespan(receive, send, start=wiring.start, stop=_stop)
        return
    await wiring.start()  # not in the partition of whoever happens to come first
    await _serve(scope, receive, send)


async def _stop() -> None:
    await _origin_files.aclose()
    await wiring.stop()


async def _route(scope: Any, receive: Any, send: Any) -> None:
    if scope["path"] == HEALTH_PATH:
        return await answer_health(scope, send)
    if is_internal(scope):
        return await _inner_port.serve(scope, receive, send)
    for path in (_proxies, _file_forms, _origin_files, _pages):
        if await path.serve(scope, receive, send):
            return None
    return await _serve_django(scope, receive, send)


async def _serve_django(scope: Any, receive: Any, send: Any) -> None:
    refusal = refused_response(scope, dict(scope["headers"]).get(b"host", b"").decode("latin-1"))
    if refusal is None:
        await _django(scope, receive, send)
    else:
        await respond(send, *refusal)


def _body_bytes_max(scope: Any) -> int | None:
    if is_file_form(scope):
        return _file_forms.bytes_max(scope)
    return None if limits_body(scope) else BODY_BYTES_MAX


_file_forms = FileForms(wiring.parts(), _serve_django)
_serve = partitioned(previewed(_route, wiring.parts()), os.environ, brought_by="cookie")
_door = Door(_application, wiring.parts().limiter, classify, busy)
application = Border(_door, proxies=settings.PROXY_HOPS, body_bytes_max=_body_bytes_max)
