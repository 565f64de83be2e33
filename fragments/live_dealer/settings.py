"""Settings of the live tables: flat, its own, without a database.

Environment: `DEBUG` (1 on a developer's machine), `PLAYER_CONTEXT_PUBLIC_KEY` (PEM; production does not start without
it), `PAGE_PATHNAMES` (where the pages are that it links to), `BFF_QUERIES_URL`, `BETS_PROVIDER_URL` (the provider
that takes the bets; `SANDBOX_TABLES_URL` without it).
"""

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from fragments.kit.pathnames import from_environment

DEBUG = os.environ.get("DEBUG") == "1"
SECRET_KEY = secrets.token_urlsafe(48)  # nothing is signed with it; Django's pages for developers want one
PLAYER_CONTEXT_PUBLIC_KEY = os.environ.get("PLAYER_CONTEXT_PUBLIC_KEY", "")
if not DEBUG and not PLAYER_CONTEXT_PUBLIC_KEY:
    raise ImproperlyConfigured("PLAYER_CONTEXT_PUBLIC_KEY is missing: without it nobody's bearer could be checked.")

FRAGMENT_FOLDER = Path(__file__).parent
FRAGMENT_FALLBACK = "live_dealer/fallback.html"
PAGE_PATHNAMES = from_environment(
    {
        "table": "/tables/{table_id}/",
        "kind": "/live/{kind}/",
        "lobby": "/",
        "cashier": "/cashier/",
        "sign_in": "/sign-in/",
    },
    os.environ.get("PAGE_PATHNAMES", ""),
)

ROOT_URLCONF = "fragments.live_dealer.urls"
INSTALLED_APPS = ["fragments.kit", "fragments.live_dealer"]
MIDDLEWARE: list[str] = []
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]

# No address is ever built from Host: links are pathnames, and forms go below the prefix that the shell names.
ALLOWED_HOSTS = ["*"]
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20
USE_I18N = False
USE_TZ = True
LOGGING_CONFIG = None

# What these checks ask for guards browsers and cookies. No browser comes here and no cookie is set: the shell checks
# session and origin of every action before it forwards one, and sets the page's security headers.
SILENCED_SYSTEM_CHECKS = ["security.W001", "security.W002", "security.W003"]
