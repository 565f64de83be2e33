"""The live-table provider as `up` serves it. Public: `application`."""

import os

from bff.resilience import log
from bff.sandbox import settings
from bff.sandbox.clock import SandboxClock
from bff.sandbox.tables.book import BetBook
from bff.sandbox.tables.server import TablesProvider
from bff.sandbox.tables.wallet import SeamlessWallet

log.configure()
application = TablesProvider(
    settings.SANDBOX_SEED,
    settings.SANDBOX_CASINO_ID,
    SandboxClock(),
    os.environ.get("SANDBOX_TABLES_URL", "http://127.0.0.1:8030"),
    SeamlessWallet(settings.GAMES_WALLET_URL, "sandbox-tables", settings.GAMES_WALLET_SECRET),
    BetBook(settings.MULLION_DATA / "sandbox-bets.jsonl"),
)
