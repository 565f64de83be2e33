"""Settings of the operators' admin: the shell's, and what differs in a process that no player reaches."""

import os
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from shell.settings import *  # noqa: F403  the same database, keys and policies; below is what is not the same
from shell.settings import INSTALLED_APPS, LOCAL, ROOT, SILENCED_SYSTEM_CHECKS

# The address that operators type. Allowed hosts, same-origin checks and cookies follow from it.
ADMIN_URL = os.environ.get("ADMIN_URL", "http://localhost:8009")
_address = urlsplit(ADMIN_URL)
_SECURE = _address.scheme == "https"
if not _address.hostname or _address.scheme not in ("http", "https"):
    raise ImproperlyConfigured("ADMIN_URL is no address; write https://operators.internal.example.")
if not _SECURE and not LOCAL and _address.hostname not in ("localhost", "127.0.0.1", "::1"):
    raise ImproperlyConfigured(
        "ADMIN_URL is http://, so operators' passwords could be read on the way. Let TLS end before this process and "
        "write https://, or use localhost over a tunnel."
    )
ALLOWED_HOSTS = [_address.hostname]
CSRF_TRUSTED_ORIGINS = [ADMIN_URL]

INSTALLED_APPS = [*INSTALLED_APPS, "django.contrib.messages", "shell.operations.admin.apps.OperatorsAdminConfig"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "shell.operations.admin.security.policy_middleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "shell.operations.admin.urls"
ASGI_APPLICATION = "shell.operations.admin.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "shell" / "operations" / "admin" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
FORMAT_MODULE_PATH = "shell.operations.admin.formats"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# Cookies of its own: a browser that is signed in to the pages is not signed in here, nor the other way round.
_PREFIX = "__Host-" if _SECURE else ""
SESSION_COOKIE_NAME = f"{_PREFIX}operator"
CSRF_COOKIE_NAME = f"{_PREFIX}operator-csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _SECURE
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_AGE = 3600
LOGIN_URL = "/login/"
# TLS ends at a proxy, which calls this process over plain HTTP.
SECURE_SSL_REDIRECT = False
SILENCED_SYSTEM_CHECKS = [*SILENCED_SYSTEM_CHECKS, "security.W008"]
