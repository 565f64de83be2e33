"""The read side as `up` serves it. Public: `application`."""

import os

from bff.contracts.load_class import LoadClass
from bff.queries import settings
from bff.queries.app import Queries
from bff.resilience import log, memory
from bff.resilience.border import Border
from bff.resilience.door import Door, class_by_header, door_limiter
from bff.resilience.partition_border import partitioned
from bff.store import Store

log.configure()
_queries = Queries(Store.connect(settings.REDIS_URL), settings.PLAYER_CONTEXT_PUBLIC_KEY)
_partitioned = partitioned(_queries, os.environ, brought_by="baggage")
application = Border(Door(_partitioned, door_limiter(_queries.metrics.registry), class_by_header(LoadClass.READ)))
memory.for_long_running()
