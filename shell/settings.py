"""Settings of the shell, flat and its own. Each reads one environment variable or says why it is fixed."""

import os
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from bff.contracts.player_context import new_key_pair
from bff.resilience.addresses import AddressRule, NetworksRefused
from bff.resilience.postgresql import CONNECTION_LIMITS
from bff.resilience.proxies import ProxyHops
from bff.resilience.redis_address import read_address
from shell.frame_origins import frame_origin_problem

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("MULLION_DATA", ROOT / ".mullion" / "8000"))

# A run on this machine: demo players, loopback origins, cookies without TLS.
LOCAL = os.environ.get("DEBUG") == "1"
# Django's own debug mode stays off: it would show its pages in place of ours and keep every query in memory.
DEBUG = False


# The installation's name: it is part of the registry's answers and of its tokens, which no other installation accepts.
ENVIRONMENT = os.environ.get("SHELL_ENVIRONMENT") or ("local" if LOCAL else "production")
if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", ENVIRONMENT):
    raise ImproperlyConfigured(
        "SHELL_ENVIRONMENT is no name such as staging or production-eu: up to 31 of a-z, 0-9, -."
    )

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


def _number(name: str, default: int) -> int:
    """The whole number from the environment, at least 1."""
    try:
        if (number := int(os.environ.get(name) or default)) >= 1:
            return number
    except ValueError:
        pass
    raise ImproperlyConfigured(f"{name} is no whole number of at least 1. Leave it away for {default}.")


SECRET_KEY = _secret("SHELL_SECRET_KEY", "a-local-run-signs-with-this-and-nothing-else-does")

# Player contexts are signed here and only checked elsewhere. A local run without a key makes one for its lifetime.
PLAYER_CONTEXT_PRIVATE_KEY = os.environ.get("PLAYER_CONTEXT_PRIVATE_KEY", "")
if not PLAYER_CONTEXT_PRIVATE_KEY:
    PLAYER_CONTEXT_PRIVATE_KEY = _secret("PLAYER_CONTEXT_PRIVATE_KEY", new_key_pair()[0])

# The public address. Links, same-origin checks and allowed hosts follow from it.
PUBLIC_URL = os.environ.get("PUBLIC_URL", "http://localhost:8000")
# Where a browser finds the live socket; the shell's own origin when an edge routes by path.
BFF_PUBLIC_URL = os.environ.get("BFF_PUBLIC_URL", "http://localhost:8012")

# Where pages may play video from: origins, comma-separated.
MEDIA_ORIGINS = [origin for origin in os.environ.get("MEDIA_ORIGINS", "").split(",") if origin]

# Which origins pages may show in a frame, comma-separated; none of the shell's own, whose pages would act in it.
FRAME_ORIGINS = [origin for origin in os.environ.get("FRAME_ORIGINS", "").split(",") if origin]

# Where an answer to a form may send the browser besides this site, as to a payment page: origins, comma-separated.
FORM_ORIGINS = [origin for origin in os.environ.get("FORM_ORIGINS", "").split(",") if origin]

# Which origins pages may show pictures of, comma-separated; a fragment has to declare the origin as well.
PICTURE_ORIGINS = [origin for origin in os.environ.get("PICTURE_ORIGINS", "").split(",") if origin]

# The proxies that a request passes, outermost first, each an address or network (several with |):
# "203.0.113.0/24,10.0.0.0/8" is an edge and a balancer behind it. Their X-Forwarded-For and X-Forwarded-Proto are
# believed, one entry a hop; what anybody else sends under these names is dropped, and all of it where this is empty.
try:
    PROXY_HOPS = ProxyHops.parse(os.environ.get("PROXY_HOPS", ""))
except ValueError as error:
    raise ImproperlyConfigured(f"PROXY_HOPS can not be used: {error}") from error
# A second port, never routed from outside: readiness in detail, metrics and the status board, without a sign-in.
try:
    INNER_PORT = int(os.environ.get("INNER_PORT") or 0)
except ValueError as error:
    raise ImproperlyConfigured("INNER_PORT is no number of a port.") from error

ALLOWED_HOSTS = [urlsplit(PUBLIC_URL).hostname or "localhost"]
if LOCAL:
    ALLOWED_HOSTS += ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS += [host for host in os.environ.get("SHELL_ALLOWED_HOSTS", "").split(",") if host]

for _setting, _origin in [
    *(("FRAME_ORIGINS", origin) for origin in FRAME_ORIGINS),
    *(("PICTURE_ORIGINS", origin) for origin in PICTURE_ORIGINS),
]:
    if (
        _wrong := frame_origin_problem(_origin, ours=(PUBLIC_URL, BFF_PUBLIC_URL), hosts=ALLOWED_HOSTS, local=LOCAL)
    ) is not None:
        raise ImproperlyConfigured(f"{_setting}: {_wrong}")
for _origin in FORM_ORIGINS:
    # It stands in a header as it is.
    if not re.fullmatch(r"https?://[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?", _origin):
        raise ImproperlyConfigured(f"FORM_ORIGINS: {_origin[:100]!r} is no origin; write https://pay.example")

# Origins that a release may be published from: no manifest can send the shell anywhere else.
# A local run allows loopback too. Comma-separated, scheme://host[:port].
FRAGMENT_ORIGINS = [origin for origin in os.environ.get("FRAGMENT_ORIGINS", "").split(",") if origin]

# Networks besides the public ones that fragments may be in: "10.0.0.0/8". A local run calls any address.
FRAGMENT_NETWORKS = [network for network in os.environ.get("FRAGMENT_NETWORKS", "").split(",") if network]
try:
    FRAGMENT_ADDRESSES = None if LOCAL else AddressRule.parse(FRAGMENT_NETWORKS)
except NetworksRefused as error:
    raise ImproperlyConfigured(f"FRAGMENT_NETWORKS: {error}.") from error

# Where the gallery of fragments stands while they are developed. Whatever players reach has none.
GALLERY_URL = os.environ.get("GALLERY_URL", "") if LOCAL else ""

# The webhook for events of trials, and the secret that signs it.
TRIAL_WEBHOOK_URL = os.environ.get("TRIAL_WEBHOOK_URL", "")
TRIAL_WEBHOOK_SECRET = os.environ.get("TRIAL_WEBHOOK_SECRET", "")
if TRIAL_WEBHOOK_URL:
    if not re.fullmatch(r"https?://[^/\s]+(/\S*)?", TRIAL_WEBHOOK_URL):
        raise ImproperlyConfigured("TRIAL_WEBHOOK_URL is no address; write https://hooks.example/mullion.")
    if len(TRIAL_WEBHOOK_SECRET) < SECRET_CHARS_MIN:
        raise ImproperlyConfigured(f"TRIAL_WEBHOOK_SECRET has fewer than {SECRET_CHARS_MIN} characters.")

INSTALLED_APPS = [
    # Its runserver speaks ASGI. Nothing else needs it, and importing it costs every process half a second.
    *(["daphne"] if "runserver" in sys.argv else []),
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "shell.composition",
    "shell.registry",
    "shell.players",
    "shell.operations",
    "shell.pages",
]

MIDDLEWARE = [
    "shell.middleware.SecurityMiddleware",
    "shell.security.headers_middleware",
    "shell.sign_in_bulkhead.sign_in_bulkhead",
    "shell.middleware.SessionMiddleware",
    "shell.middleware.LocaleMiddleware",
    "shell.middleware.CommonMiddleware",
    "shell.security.same_origin_middleware",
    "shell.middleware.CsrfViewMiddleware",
    "shell.middleware.AuthenticationMiddleware",
    "shell.middleware.XFrameOptionsMiddleware",
]

# The pages table; another one may be named for a shell with other pages.
PAGES = Path(os.environ.get("SHELL_PAGES", ROOT / "shell" / "pages" / "pages.toml"))

ROOT_URLCONF = "shell.urls"
ASGI_APPLICATION = "shell.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": ["django.template.context_processors.request", "shell.context_processors.chrome"]
        },
    }
]

# What was live last, for a shell that starts while the database is away.
SNAPSHOT = DATA / "shell.snapshot"

_DATABASE_URL = os.environ.get("SHELL_DATABASE_URL", f"sqlite:///{DATA / 'shell.sqlite3'}")
try:
    DATABASES = {"default": dj_database_url.parse(_DATABASE_URL, conn_health_checks=True)}
except ValueError as error:  # the message leaves the address out, as it may hold a password
    raise ImproperlyConfigured("SHELL_DATABASE_URL is no address such as postgres://user@host:5432/name.") from error
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # WAL lets pages read while a publish writes; IMMEDIATE takes the write lock up front, so no upgrade can dead-lock.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 2,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    # A thread that looks sessions up is kept by no network that drops packets.
    DATABASES["default"]["OPTIONS"] = {**CONNECTION_LIMITS, **DATABASES["default"].get("OPTIONS", {})}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:8040/0")
try:
    _CACHE_PREFIX = read_address(REDIS_URL).key("shell", group="shell")
except ValueError as error:
    raise ImproperlyConfigured(str(error)) from error
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": [REDIS_URL],  # as one: a text would be cut at the commas between Sentinels
        "KEY_PREFIX": _CACHE_PREFIX,
        # A dead cache must cost a moment, not a page: short time-outs, and a failure is a miss.
        "OPTIONS": {"IGNORE_EXCEPTIONS": True, "CONNECTION_FACTORY": "shell.fleet.cache.CacheConnections"},
    }
}
DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS = False

# Sessions live in the database alone: with Redis down nobody is signed out, and no cache brings back one that ended.
SESSION_ENGINE = "shell.players.session_store"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
# `__Host-` binds a cookie to this host, path / and TLS; a local run has no TLS.
_COOKIE_PREFIX = "" if LOCAL else "__Host-"
SESSION_COOKIE_NAME = f"{_COOKIE_PREFIX}session"
CSRF_COOKIE_NAME = f"{_COOKIE_PREFIX}csrf"
PLAYER_COOKIE_NAME = f"{_COOKIE_PREFIX}player"
CHANGED_COOKIE_NAME = f"{_COOKIE_PREFIX}changed"
DEVICE_COOKIE_NAME = f"{_COOKIE_PREFIX}device"
# A random name for this browser, while a release is on trial: it gets the same one every time.
VISITOR_COOKIE_NAME = f"{_COOKIE_PREFIX}visitor"
# A browser that is shown a release before it is live.
PREVIEW_COOKIE_NAME = f"{_COOKIE_PREFIX}preview"
VISITOR_COOKIE_AGE_S = 30 * 24 * 3600
# How long the signed player cookie counts by itself, and how long what a process knows of ended sessions may be old.
PLAYER_COOKIE_AGE_S = 60
# How long a genuine cookie still says who it was while the database can not be asked, if nothing speaks against it.
PLAYER_BELIEVED_S = _number("PLAYER_BELIEVED_S", 3600)
# A revocation outlives whatever could be believed: the oldest cookie, stamped by a request that began before it.
REVOCATION_KEEP_S = PLAYER_BELIEVED_S + PLAYER_COOKIE_AGE_S
SESSION_COOKIE_SECURE = not LOCAL
CSRF_COOKIE_SECURE = not LOCAL
SECURE_SSL_REDIRECT = not LOCAL
SECURE_HSTS_SECONDS = 0 if LOCAL else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = not LOCAL
# Browsers that hold a name on their preload list never ask it without TLS again, nor any name below it: opted into.
SECURE_HSTS_PRELOAD = os.environ.get("SHELL_HSTS_PRELOAD") == "1"
# W021 asks for the preload list; W001 to W003 for Django's own middlewares by their paths, which those of
# shell/middleware.py are by their classes.
SILENCED_SYSTEM_CHECKS = ["security.W021", "security.W001", "security.W002", "security.W003"]
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

AUTH_USER_MODEL = "players.Player"
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
# The first hashes; what others hashed is checked, and hashed anew at the next sign-in.
PASSWORD_HASHERS = ["shell.players.hashing.Argon2", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
# Locales that numbers and dates may be shown in; the browser's best match is passed to fragments.
LOCALES = ["en-GB", "en-US", "en-IE"]
CURRENCY = "EUR"  # what an anonymous visitor sees limits in

# How long a player may play before the shell asks them to look up; what the law asks of the house decides it.
REALITY_CHECK_MIN = _number("REALITY_CHECK_MIN", 60)

STATIC_URL = "/static/"
LOGGING_CONFIG = None  # bff.resilience.log configures logging, once, in asgi.py and for commands
