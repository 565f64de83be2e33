"""What brings a reader without JavaScript back to a page that was sent without a cold function.

Public: `reload_element`, `reloads_of`.

That a function is cold is seen after the head has been sent, so it stands behind the last slot. Where scripts run it is
inert, and the slot heals by its own retry.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from shell.composition.function_calls import FunctionCalls
from shell.composition.include import Include
from shell.composition.page import Visit

_RELOAD = "reload"
# What a reader fills in and would lose, or is in the middle of. A word to search for is not worth a page that stays
# without its slot.
_FILLED_IN = re.compile(
    rb"""<(?:textarea|select|iframe|input(?![^>]*\stype="(?:hidden|submit|button|reset|image|search)"))\b"""
    rb"""|\scontenteditable""",
    re.IGNORECASE,
)


def reloads_of(query: Mapping[str, str]) -> int:
    """How many times in a row the page has reloaded itself, from its address; 0 for any other value."""
    text = query.get(_RELOAD, "")
    return int(text) if re.fullmatch(r"[0-9]{1,3}", text) else 0


def reload_element(
    visit: Visit, includes: Iterable[Include], cold: Sequence[Include], calls: FunctionCalls, shown: Iterable[bytes]
) -> bytes:
    """For the page of `includes`, those that are `cold` among them; empty where it must not come back by itself: it has
    done so often enough, it does so anyway, or what it has `shown` holds something to fill in.
    """
    if visit.page.refresh_s or visit.reloads >= calls.policy.reloads_max:
        return b""
    if any(_FILLED_IN.search(html) for html in shown):
        return b""
    delay_s = max(calls.reload_s(include, visit.reloads) for include in cold)
    queries = [include.refetch_query for include in includes if include.refetch_query]
    address = f"{visit.path}?{'&'.join([*queries, f'{_RELOAD}={visit.reloads + 1}'])}"
    content = escape(f"{delay_s};url={address}")
    return f'<noscript><meta http-equiv="refresh" content="{content}"></noscript>\n'.encode()
