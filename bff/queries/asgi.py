"""The read side as `up` serves it. Public: `application`."""

from bff.queries import settings
from bff.queries.app import Queries
from bff.resilience import log, memory
from bff.resilience.border import Border
from bff.store import Store

log.configure()
application = Border(Queries(Store.connect(settings.REDIS_URL), settings.PLAYER_CONTEXT_PUBLIC_KEY))
memory.for_long_running()
