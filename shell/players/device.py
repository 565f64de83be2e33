"""The device cookie: marks a browser that has signed in to an account before, so that other people's failed attempts do
not block it.

Public: `device_of`, `has_signed_in`, `remember`. It opens nothing by itself; see decisions/0002.
"""

import secrets
from collections.abc import Mapping

import msgspec
from django.conf import settings
from django.core import signing
from django.utils.crypto import salted_hmac

from bff.contracts import text
from shell.cookies import set_cookie

_SALT = "shell.players.device.1"
ACCOUNTS_MAX = 4
COOKIE_BYTES_MAX = 512
AGE_S = 180 * 24 * 3600


def device_of(cookies: Mapping[str, str], name: str) -> str:
    """The device's own id when it has signed in as `name` before, else empty."""
    device, accounts = _read(cookies)
    return device if _digest(name) in accounts else ""


def has_signed_in(cookies: Mapping[str, str]) -> bool:
    """Whether anybody has signed in on this device before."""
    return bool(_read(cookies)[0])


def remember(cookies: Mapping[str, str], name: str) -> str:
    """The Set-Cookie value that says so from here on, for the last `ACCOUNTS_MAX` accounts."""
    device, accounts = _read(cookies)
    others = [account for account in accounts if account != _digest(name)]
    body = msgspec.json.encode((device or secrets.token_hex(12), [_digest(name), *others][:ACCOUNTS_MAX]))
    value = signing.Signer(salt=_SALT).sign(signing.b64_encode(body).decode())
    return set_cookie(settings.DEVICE_COOKIE_NAME, value, age_s=AGE_S)


def _read(cookies: Mapping[str, str]) -> tuple[str, list[str]]:
    value = cookies.get(settings.DEVICE_COOKIE_NAME, "")
    if not value or len(value) > COOKIE_BYTES_MAX:
        return "", []
    try:
        signed = signing.Signer(salt=_SALT).unsign(value)
    except signing.BadSignature:
        return "", []
    return text.decode(signing.b64_decode(signed.encode()), tuple[str, list[str]])


def _digest(name: str) -> str:
    return salted_hmac(_SALT, name.casefold(), algorithm="sha256").hexdigest()[:16]
