"""The payments provider as `up` serves it. Public: `application`."""

import logging
import os

from bff.resilience import log
from bff.resilience.border import Border
from bff.resilience.partition_border import partitioned
from bff.sandbox import settings
from bff.sandbox.http import BODY_BYTES_MAX
from bff.sandbox.payments.charges import Charges
from bff.sandbox.payments.server import PaymentsProvider

log.configure()
logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each webhook that went well tells nobody anything
provider = PaymentsProvider(
    settings.SANDBOX_SEED,
    Charges(settings.MULLION_DATA / "sandbox-payments.jsonl"),
    settings.PAYMENTS_WEBHOOK_URL,
    settings.PAYMENTS_WEBHOOK_SECRET,
)
application = Border(partitioned(provider, os.environ, brought_by="baggage"), body_bytes_max=BODY_BYTES_MAX)
