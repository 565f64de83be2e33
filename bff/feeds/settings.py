"""Settings of the feeds, flat and their own. Each reads one environment variable or says why it is fixed."""

import os

DEBUG = os.environ.get("DEBUG") == "1"

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:8040/0")

# Which feeds this process runs, comma-separated; all of them when it is empty.
INGEST_FEEDS = [name.strip() for name in os.environ.get("INGEST_FEEDS", "").split(",") if name.strip()]

# Limits are asked for in every currency that a player may have.
CURRENCIES = ["EUR", "GBP", "JPY"]

# A provider that is not the sandbox is named here; http(s) and ws(s) are told apart by the adapter.
TABLES_PROVIDER_URL = os.environ.get(
    "TABLES_PROVIDER_URL", os.environ.get("SANDBOX_TABLES_URL", "http://127.0.0.1:8030").rstrip("/") + "/ws"
)
TABLES_CASINO_ID = os.environ.get("TABLES_CASINO_ID", "mullion-demo")
# Where a browser finds a table's picture; `{table_id}` stands for the table, and empty means that there is none.
# The origin has to be one of the shell's MEDIA_ORIGINS, and is the first of them unless it is set.
TABLES_VIDEO_URL = os.environ.get(
    "TABLES_VIDEO_URL",
    os.environ.get("MEDIA_ORIGINS", "http://localhost:8030").split(",")[0].rstrip("/") + "/video/{table_id}/live.m3u8",
)
PROMOTIONS_PROVIDER_URL = os.environ.get(
    "PROMOTIONS_PROVIDER_URL",
    os.environ.get("SANDBOX_PROMOTIONS_URL", "http://127.0.0.1:8031").rstrip("/") + "/v1/offers",
)

# A worker without pages: no cookie, form or session, and no TLS end. The checks silenced here are about those:
# security, framing and CSRF middleware, the signing key, and hosts that browsers may name.
SILENCED_SYSTEM_CHECKS = ["security.W001", "security.W002", "security.W003", "security.W009", "security.W020"]

INSTALLED_APPS: list[str] = []
MIDDLEWARE: list[str] = []
USE_TZ = True
LOGGING_CONFIG = None  # bff.resilience.log configures logging, once, in the worker
