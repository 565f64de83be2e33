"""A token for each view of a page while a release is on trial; only the shell can make one.

Public: `page_view_token`, `visitor_of_page_view`.
"""

import re

from django.utils.crypto import constant_time_compare, salted_hmac

from shell.registry.going_live import OLD_PAGES_S

_SALT = "shell.page_views.1"
_TOKEN = re.compile(r"([0-9a-f]{32})\.(\d{1,12})\.([0-9a-f]{32})")


def page_view_token(visitor: str, now: float) -> str:
    """Stands for a page that was drawn for `visitor` at this moment (seconds since 1970)."""
    viewed = f"{visitor}.{int(now)}"
    return f"{viewed}.{_mac(viewed)}"


def visitor_of_page_view(token: str, now: float) -> str:
    """Whose page it was, empty where it is none, or one that is older than pages may stand open."""
    found = _TOKEN.fullmatch(token)
    if found is None or not 0 <= now - int(found[2]) <= OLD_PAGES_S:
        return ""
    return found[1] if constant_time_compare(_mac(f"{found[1]}.{found[2]}"), found[3]) else ""


def _mac(viewed: str) -> str:
    return salted_hmac(_SALT, viewed, algorithm="sha256").hexdigest()[:32]
