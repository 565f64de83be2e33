"""Settings of the transaction engine, flat and its own. Each reads one environment variable or says why it is fixed."""

import os
from pathlib import Path

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from bff.broker import address
from bff.commands.engine.postgresql.limits import STARTUP_OPTIONS
from bff.commands.seamless.providers import GameProvider, ProvidersBroken, read_providers
from bff.contracts.ledger_partition import PARTITIONS_MAX
from bff.contracts.player_context import new_key_pair
from bff.resilience.postgresql import CONNECTION_LIMITS

ROOT = Path(__file__).resolve().parent.parent.parent
DATA = Path(os.environ.get("MULLION_DATA", ROOT / ".mullion" / "8000"))

LOCAL = os.environ.get("DEBUG") == "1"
DEBUG = False  # Django's own would write down every statement of every command, and has no page to show it on


SECRET_CHARS_MIN = 32


def _secret(name: str, local: str) -> str:
    """The secret from the environment; a local run may do without, production takes none that could be guessed."""
    value = os.environ.get(name, "")
    if not value and not LOCAL:
        raise ImproperlyConfigured(f"{name} is not set. Set it, or set DEBUG=1 for a run on this machine only.")
    if not LOCAL and (value == local or len(value) < SECRET_CHARS_MIN):
        raise ImproperlyConfigured(
            f"{name} could be guessed: it is a local run's or has fewer than {SECRET_CHARS_MIN} characters. Make one: "
            'python -c "import secrets; print(secrets.token_urlsafe(48))"'
        )
    return value or local


SECRET_KEY = _secret("COMMANDS_SECRET_KEY", "a-local-run-signs-with-this-and-nothing-else-does")

# The shell signs player contexts; here they are only verified. A local run without a key can verify none.
PLAYER_CONTEXT_PUBLIC_KEY = os.environ.get("PLAYER_CONTEXT_PUBLIC_KEY", "")
if not PLAYER_CONTEXT_PUBLIC_KEY:
    PLAYER_CONTEXT_PUBLIC_KEY = _secret("PLAYER_CONTEXT_PUBLIC_KEY", new_key_pair()[1])

# The payments provider, and what its webhooks are signed with.
PAYMENTS_URL = os.environ.get("PAYMENTS_URL") or os.environ.get("SANDBOX_PAYMENTS_URL", "http://127.0.0.1:8032")
PAYMENTS_WEBHOOK_SECRET = _secret("PAYMENTS_WEBHOOK_SECRET", "a-local-run-trusts-this-signature")

# Game providers who may move money through the seamless wallet. One comes by name and key; a file names others, with
# the protocol that each speaks and whether it may give prizes.
try:
    GAME_PROVIDERS = read_providers(
        os.environ.get("GAME_PROVIDERS_FILE", ""),
        {
            os.environ.get("GAMES_PROVIDER", "sandbox-tables"): GameProvider(
                key=_secret("GAMES_WALLET_SECRET", "a-local-run-plays-with-this")
            )
        },
    )
except ProvidersBroken as error:
    raise ImproperlyConfigured(f"GAME_PROVIDERS_FILE: {error}") from error

# The broker for events: Valkey or Redis Streams, or Kafka.
BROKER_URL = address()

# Seconds between two parts of the comparison of the read side with the ledger, which never ends; 0 for none.
try:
    COMPARE_S = float(os.environ.get("COMMANDS_COMPARE_S", "1"))
    if not 0 <= COMPARE_S <= 3600:
        raise ValueError
except ValueError:
    raise ImproperlyConfigured(
        "COMMANDS_COMPARE_S is how many seconds pass between two parts of a comparison: 0 (none) to 3600."
    ) from None

# In how many partitions the ledger's events go out, each player's in one of them. A relay that starts with another
# number begins an epoch with it, in which every player is restated.
try:
    LEDGER_PARTITIONS = int(os.environ.get("LEDGER_PARTITIONS", "1"))
    if not 1 <= LEDGER_PARTITIONS <= PARTITIONS_MAX:
        raise ValueError
except ValueError:
    raise ImproperlyConfigured(
        f"LEDGER_PARTITIONS is the number of partitions of the ledger's stream: 1 to {PARTITIONS_MAX}."
    ) from None

# Where the shell publishes revoked sessions, so that no bet is taken with the token of one.
REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:8040/0")

# Other houses call by address, never through a browser.
ALLOWED_HOSTS = [host for host in os.environ.get("COMMANDS_ALLOWED_HOSTS", "").split(",") if host]
ALLOWED_HOSTS += ["localhost", "127.0.0.1", "[::1]", os.environ.get("HOST", "127.0.0.1")]

INSTALLED_APPS = ["bff.commands"]
MIDDLEWARE: list[str] = []
ROOT_URLCONF = "bff.commands.http.urls"
ASGI_APPLICATION = "bff.commands.asgi.application"

DATABASE_URL = os.environ.get("DATABASE_URL", f"sqlite:///{DATA / 'commands.sqlite3'}")
# Connections live as long as the engine's threads, which look at them again after every failure.
try:
    DATABASES = {"default": dj_database_url.parse(DATABASE_URL, conn_max_age=None)}
except ValueError as error:  # and not its words: the address may hold a password
    raise ImproperlyConfigured("DATABASE_URL is no address such as postgres://user@host:5432/name.") from error
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Lets several processes write in turn.
    DATABASES["default"]["ENGINE"] = "bff.commands.engine.sqlite"
    # WAL lets the relay read while a command writes; IMMEDIATE takes the write lock up front, so no upgrade can
    # dead-lock; FULL because a command that was answered must survive a power cut.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 2,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
else:
    # Distinguishes a COMMIT whose answer was lost from one that was refused.
    DATABASES["default"]["ENGINE"] = "bff.commands.engine.postgresql"
    # Health checks notice a connection that was closed or cut before a command uses it.
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    # A database that hangs must cost a command its answer, not a thread for ever. The server ends statements that take
    # too long, the kernel a connection whose packets are dropped, and the engine one to a server that is alive and does
    # not answer. The server ends a transaction whose client has vanished, which releases the player's lock.
    DATABASES["default"].setdefault("OPTIONS", {}).update({**CONNECTION_LIMITS, "options": STARTUP_OPTIONS})

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
LOGGING_CONFIG = None  # bff.resilience.log writes all lines

SILENCED_SYSTEM_CHECKS = [
    "security.W001",  # its headers are for browsers, and none comes here; TLS ends at the edge
    "security.W003",  # no cookies and no forms here, so no CSRF middleware: every call carries its own bearer
    "security.W002",  # no page is served that could be framed
]
