"""BFF live as an ASGI application.

Public: `application`.
"""

import logging
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bff.live.settings")

import django
from channels.routing import ProtocolTypeRouter

django.setup()

from bff.contracts.load_class import LoadClass  # noqa: E402
from bff.live import settings  # noqa: E402 (after setup)
from bff.live.consumer import LiveConsumer  # noqa: E402
from bff.live.health import http, lifespan  # noqa: E402
from bff.live.hub import Hub  # noqa: E402
from bff.live.origins import allowed_origins  # noqa: E402
from bff.resilience import log, memory  # noqa: E402
from bff.resilience.border import Border  # noqa: E402
from bff.resilience.door import Door, class_by_header, door_limiter  # noqa: E402
from bff.resilience.partition_border import partitioned  # noqa: E402

log.configure()
# At info the server writes two lines for each socket.
logging.getLogger("uvicorn.error").setLevel(logging.WARNING)

HUB = Hub(settings.REDIS_URL, settings.LIVE_POLICY)
LiveConsumer.hub = HUB
LiveConsumer.origins = allowed_origins([settings.PUBLIC_URL, *settings.LIVE_ORIGINS])
LiveConsumer.public_key = settings.PLAYER_CONTEXT_PUBLIC_KEY

_routes = {
    "http": http(HUB, settings.INNER_PORT),
    "websocket": LiveConsumer.as_asgi(),
    "lifespan": lifespan(HUB),
}
_partitioned = partitioned(ProtocolTypeRouter(_routes), os.environ, brought_by="cookie")
_door = Door(_partitioned, door_limiter(HUB.metrics.registry), class_by_header(LoadClass.READ))
application = Border(_door, proxies=settings.PROXY_HOPS, sockets=True)
memory.for_long_running()
