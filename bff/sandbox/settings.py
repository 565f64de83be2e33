"""Settings of the sandbox, flat and its own. Each reads one environment variable or says why it is fixed."""

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

DEBUG = os.environ.get("DEBUG") == "1"

# The same seed and the same time since the start give the same rounds, seats and mishaps.
SANDBOX_SEED = os.environ.get("SANDBOX_SEED", "mullion")

# The providers check who asks, as real ones do.
SANDBOX_CASINO_ID = os.environ.get("SANDBOX_CASINO_ID", "mullion-demo")

# Charges outlive a restart of the payments provider, as they would at a real one.
MULLION_DATA = Path(os.environ.get("MULLION_DATA", Path(__file__).resolve().parents[2] / ".mullion" / "8000"))

PAYMENTS_WEBHOOK_URL = os.environ.get(
    "PAYMENTS_WEBHOOK_URL", os.environ.get("BFF_COMMANDS_URL", "http://127.0.0.1:8011") + "/webhooks/payments"
)


SECRET_CHARS_MIN = 32


def _secret(name: str, local: str) -> str:
    """The secret from the environment; a local run may do without, any other takes none that could be guessed."""
    value = os.environ.get(name, "")
    if not value and not DEBUG:
        raise ImproperlyConfigured(
            f"{name} is not set. Set it to what its other side holds, or set DEBUG=1 for a run on this machine only."
        )
    if not DEBUG and (value == local or len(value) < SECRET_CHARS_MIN):
        raise ImproperlyConfigured(
            f"{name} could be guessed: it is a local run's or has fewer than {SECRET_CHARS_MIN} characters. "
            "Set it to what its other side holds."
        )
    return value or local


# Signs what the payments provider tells us; both sides hold it.
PAYMENTS_WEBHOOK_SECRET = _secret("PAYMENTS_WEBHOOK_SECRET", "a-local-run-trusts-this-signature")

# The seamless wallet that the tables' provider stakes and pays by, and what it signs its calls with.
GAMES_WALLET_URL = os.environ.get("GAMES_WALLET_URL") or os.environ.get("BFF_COMMANDS_URL", "http://127.0.0.1:8011")
GAMES_WALLET_SECRET = _secret("GAMES_WALLET_SECRET", "a-local-run-plays-with-this")

# What the games providers are asked for their list with. Where nobody said, nobody gets one but in a local run.
GAMES_LIST_SECRET = os.environ.get("GAMES_LIST_SECRET") or (
    "a-local-run-lists-games-with-this" if DEBUG else secrets.token_hex(SECRET_CHARS_MIN)
)

# Raw ASGI for programs: no cookie, form, page or session, and no TLS end. The checks silenced here are about those:
# security, framing and CSRF middleware, the signing key, and hosts that browsers may name.
SILENCED_SYSTEM_CHECKS = ["security.W001", "security.W002", "security.W003", "security.W009", "security.W020"]

INSTALLED_APPS: list[str] = []
MIDDLEWARE: list[str] = []
USE_TZ = True
LOGGING_CONFIG = None  # bff.resilience.log configures logging, once, in each asgi.py
