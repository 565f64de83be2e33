"""The promotions provider as `up` serves it. Public: `application`."""

import os

from bff.resilience import log
from bff.resilience.border import Border
from bff.resilience.partition_border import partitioned
from bff.sandbox import settings
from bff.sandbox.clock import SandboxClock
from bff.sandbox.http import BODY_BYTES_MAX
from bff.sandbox.promotions.server import PromotionsProvider

log.configure()
provider = PromotionsProvider(settings.SANDBOX_SEED, SandboxClock())
application = Border(partitioned(provider, os.environ, brought_by="baggage"), body_bytes_max=BODY_BYTES_MAX)
