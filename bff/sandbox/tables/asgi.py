"""The live-table provider as `up` serves it. Public: `application`."""

import os

from bff.resilience import log
from bff.resilience.border import Border
from bff.resilience.partition_border import partitioned
from bff.sandbox import settings
from bff.sandbox.clock import SandboxClock
from bff.sandbox.http import BODY_BYTES_MAX
from bff.sandbox.tables.book import BetBook
from bff.sandbox.tables.server import TablesProvider
from bff.sandbox.tables.wallet import SeamlessWallet

log.configure()
provider = TablesProvider(
    settings.SANDBOX_SEED,
    settings.SANDBOX_CASINO_ID,
    SandboxClock(),
    os.environ.get("SANDBOX_TABLES_URL", "http://127.0.0.1:8030"),
    SeamlessWallet(settings.GAMES_WALLET_URL, "sandbox-tables", settings.GAMES_WALLET_SECRET),
    BetBook(settings.MULLION_DATA / "sandbox-bets.jsonl"),
)
application = Border(
    partitioned(provider, os.environ, brought_by="baggage"), body_bytes_max=BODY_BYTES_MAX, sockets=True
)
