"""Settings of BFF live, flat and its own. No view, template, session or database: Channels only reads from here."""

import os
import secrets

from django.core.exceptions import ImproperlyConfigured

from bff.contracts.player_context import new_key_pair
from bff.live.policy import LivePolicy
from bff.resilience.policies import house_policy
from bff.resilience.proxies import ProxyHops

DEBUG = os.environ.get("DEBUG") == "1"

# Nothing is signed with it; Django wants one, so each process makes its own.
SECRET_KEY = secrets.token_urlsafe(64)

# Tickets are checked with the shell's public key. A local run without one lets nobody in.
PLAYER_CONTEXT_PUBLIC_KEY = os.environ.get("PLAYER_CONTEXT_PUBLIC_KEY", "")
if not PLAYER_CONTEXT_PUBLIC_KEY:
    if not DEBUG:
        raise ImproperlyConfigured(
            "PLAYER_CONTEXT_PUBLIC_KEY is not set. Set it to the shell's public key (PEM), "
            "or set DEBUG=1 for a run on this machine only."
        )
    PLAYER_CONTEXT_PUBLIC_KEY = new_key_pair()[1]

# Pages of this origin may open sockets.
PUBLIC_URL = os.environ.get("PUBLIC_URL", "http://localhost:8000")
# And pages of these: scheme://host[:port], separated by commas.
LIVE_ORIGINS = [origin for origin in os.environ.get("LIVE_ORIGINS", "").split(",") if origin]

# Browsers come here over TLS, so in production no page of theirs has an address without it.
if plain := [url for url in (PUBLIC_URL, *LIVE_ORIGINS) if not DEBUG and not url.startswith("https://")]:
    raise ImproperlyConfigured(f"PUBLIC_URL or LIVE_ORIGINS holds {plain[0]}, and pages are served by https only.")

# The proxies that a socket's request passes, outermost first, each an address or network (several with |). What they
# report of their caller is believed; without them the address of the connection is the caller's.
try:
    PROXY_HOPS = ProxyHops.parse(os.environ.get("PROXY_HOPS", ""))
except ValueError as error:
    raise ImproperlyConfigured(f"PROXY_HOPS can not be used: {error}") from error
# A second port, never routed from outside: readiness in detail and metrics.
try:
    INNER_PORT = int(os.environ.get("INNER_PORT") or 0)
except ValueError as error:
    raise ImproperlyConfigured("INNER_PORT is no number of a port.") from error

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:8040/0")

LIVE_POLICY = house_policy("live", LivePolicy())

ALLOWED_HOSTS = ["*"]  # no view answers here, so no link is built from a Host header
INSTALLED_APPS: list[str] = []
MIDDLEWARE: list[str] = []
DATABASES: dict[str, dict[str, str]] = {}
USE_TZ = True
ASGI_APPLICATION = "bff.live.asgi.application"
LOGGING_CONFIG = None  # bff.resilience.log configures logging

# These ask for middleware around views; here is none. TLS ends at the edge.
SILENCED_SYSTEM_CHECKS = ["security.W001", "security.W002", "security.W003"]
