"""Settings of the feeds, flat and their own. Each reads one environment variable or says why it is fixed."""

import os

from django.core.exceptions import ImproperlyConfigured

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

# Three providers of games, each with a protocol of its own; one without an address is not read. A local run has the
# sandbox's, any other only where it is named.
_SANDBOX_GAMES_URL = os.environ.get("SANDBOX_GAMES_URL", "http://127.0.0.1:8033" if DEBUG else "").rstrip("/")


def _games_url(name: str, path: str) -> str:
    return os.environ.get(name, f"{_SANDBOX_GAMES_URL}{path}" if _SANDBOX_GAMES_URL else "")


GAMES_LIST_URL = _games_url("GAMES_LIST_URL", "/lantern/operator/generic/v2/game/list")
GAMES_PUSH_URL = _games_url("GAMES_PUSH_URL", "/tidewheel/changes")
GAMES_CSV_URL = _games_url("GAMES_CSV_URL", "/oakmill/export.csv")
GAMES_LIST_OPERATOR = os.environ.get("GAMES_LIST_OPERATOR", "mullion-demo")
SECRET_CHARS_MIN = 32


def _secret(name: str, local: str) -> str:
    """The secret from the environment; a local run may do without, any other takes none that could be guessed."""
    value = os.environ.get(name, "")
    if DEBUG:
        return value or local
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. Set it to what its other side holds, or leave its address out.")
    if value == local or len(value) < SECRET_CHARS_MIN:
        raise ImproperlyConfigured(
            f"{name} could be guessed: it is a local run's or has fewer than {SECRET_CHARS_MIN} characters. "
            "Set it to what its other side holds."
        )
    return value


# Signs the question for the list, where one is asked.
GAMES_LIST_SECRET = _secret("GAMES_LIST_SECRET", "a-local-run-lists-games-with-this") if GAMES_LIST_URL else ""

# A worker without pages: no cookie, form or session, and no TLS end. The checks silenced here are about those:
# security, framing and CSRF middleware, the signing key, and hosts that browsers may name.
SILENCED_SYSTEM_CHECKS = ["security.W001", "security.W002", "security.W003", "security.W009", "security.W020"]

INSTALLED_APPS: list[str] = []
MIDDLEWARE: list[str] = []
USE_TZ = True
LOGGING_CONFIG = None  # bff.resilience.log configures logging, once, in the worker
