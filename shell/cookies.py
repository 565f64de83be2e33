"""Set-Cookie values for the raw page path, with the attributes that the settings give to every cookie of the shell.

Public: `set_cookie`, `delete_cookie`.
"""

from django.conf import settings

_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~:=/")


def set_cookie(name: str, value: str, *, age_s: int) -> str:
    """One cookie for this host; `value` is made by a signer and so needs no quoting."""
    if not _ALLOWED.issuperset(value):
        raise ValueError(f"the value of cookie {name} would need quoting")
    secure = "; Secure" if settings.SESSION_COOKIE_SECURE else ""
    return f"{name}={value}; Max-Age={age_s}; Path=/; HttpOnly; SameSite=Lax{secure}"


def delete_cookie(name: str) -> str:
    """Make the browser forget the cookie."""
    return set_cookie(name, "", age_s=0)
