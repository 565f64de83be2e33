"""Settings of the read side, flat and its own. Each reads one environment variable or says why it is fixed."""

import os

from django.core.exceptions import ImproperlyConfigured

DEBUG = os.environ.get("DEBUG") == "1"

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:8040/0")

# The shell signs player contexts; this house only verifies them. Without the key every player's view is refused.
PLAYER_CONTEXT_PUBLIC_KEY = os.environ.get("PLAYER_CONTEXT_PUBLIC_KEY", "")
if not PLAYER_CONTEXT_PUBLIC_KEY and not DEBUG:
    raise ImproperlyConfigured(
        "PLAYER_CONTEXT_PUBLIC_KEY is not set. Set it to the shell's public key, "
        "or set DEBUG=1 for a run on this machine only."
    )

# Raw ASGI for programs inside the house: no cookie, form, page or session, and no TLS end. The checks silenced here
# are about those: security, framing and CSRF middleware, the signing key, and hosts that browsers may name.
SILENCED_SYSTEM_CHECKS = ["security.W001", "security.W002", "security.W003", "security.W009", "security.W020"]

INSTALLED_APPS: list[str] = []
MIDDLEWARE: list[str] = []
USE_TZ = True
LOGGING_CONFIG = None  # bff.resilience.log configures logging, once, in asgi.py
