"""The read side as `up` serves it. Public: `application`."""

import os

from bff.queries import settings
from bff.queries.app import Queries
from bff.resilience import log, memory
from bff.resilience.border import Border
from bff.resilience.partition_border import partitioned
from bff.store import Store

log.configure()
_queries = Queries(Store.connect(settings.REDIS_URL), settings.PLAYER_CONTEXT_PUBLIC_KEY)
application = Border(partitioned(_queries, os.environ, brought_by="baggage"))
memory.for_long_running()
