"""The games providers as `up` serves them. Public: `application`."""

import os

from bff.resilience import log
from bff.resilience.border import Border
from bff.resilience.partition_border import partitioned
from bff.sandbox import settings
from bff.sandbox.clock import SandboxClock
from bff.sandbox.games.server import GamesProvider
from bff.sandbox.http import BODY_BYTES_MAX

log.configure()
provider = GamesProvider(settings.SANDBOX_SEED, settings.GAMES_LIST_SECRET, SandboxClock())
application = Border(
    partitioned(provider, os.environ, brought_by="baggage"), body_bytes_max=BODY_BYTES_MAX, sockets=True
)
