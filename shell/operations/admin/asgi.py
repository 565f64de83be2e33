"""The operators' admin over HTTP: `manage.py admin`, or `python -m bff.resilience.serving` with its name."""

import os
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "shell.operations.admin.settings"

from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

from bff.contracts.load_class import LoadClass
from bff.contracts.paths import HEALTH_PATH
from bff.resilience import log
from bff.resilience.border import Border
from bff.resilience.door import Door, class_by_header, door_limiter
from bff.resilience.lifespan import serve_lifespan
from shell.admission import BODY_BYTES_MAX, answer_health

log.configure()
# The admin's own style sheets and scripts are served by this process, too.
_django = ASGIStaticFilesHandler(get_asgi_application())


async def _application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await serve_lifespan(receive, send)
    elif scope["path"] == HEALTH_PATH:
        await answer_health(scope, send)
    else:
        await _django(scope, receive, send)


_door = Door(_application, door_limiter(), class_by_header(LoadClass.READ))
application = Border(_door, proxies=settings.PROXY_HOPS, body_bytes_max=BODY_BYTES_MAX)
