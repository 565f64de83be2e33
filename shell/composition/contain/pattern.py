"""The `pattern` of an input: browsers match it by backtracking, so a pattern can be written that takes for ever.

A page freezes as soon as such a field stands in it with a value: without a script, and for every fragment.
Public: `bearable`.
"""

import re

from shell.composition.contain.links import Reach

_CHARS_MAX = 200
# What one character of a value may cost at most, in ways to match it.
_WAYS_MAX = 4096
_WAYS_MAX_UNBOUNDED = 64
_TOKEN = re.compile(
    r"(?P<atom>\\p\{[A-Za-z_=]{1,40}\}|\\[^0-9kp]|\[(?:[^\]\\\[]|\\.)*\]|[^\\\[\](){}*+?|])"
    r"|(?P<open>\((?:\?:)?(?!\?))|(?P<close>\))|(?P<either>\|)"
    r"|(?P<times>(?:[*+?]|\{[0-9]{1,5}(?:,[0-9]{0,5})?\})\??)"
)


def bearable(value: str, _reach: Reach) -> bool:
    """Whether `value` is matched in a time that grows no faster than the text: at most one part of it is repeated
    without a bound, nothing repeated is repeated again, and it neither looks around nor back."""
    if len(value) > _CHARS_MAX:
        return False
    ways, unbounded = 1, 0
    groups: list[bool] = []  # of each that is open, whether it holds a choice or a repetition
    last_is_simple = True  # whether what stands before a repetition is matched in one way
    at = 0
    while at < len(value):
        found = _TOKEN.match(value, at)
        if found is None:
            return False
        at = found.end()
        if found["open"]:
            groups.append(False)
        elif found["close"]:
            if not groups:
                return False
            last_is_simple = not groups.pop()
            if not last_is_simple and groups:
                groups[-1] = True
        elif found["atom"]:
            last_is_simple = True
        else:
            most = 2 if found["either"] else _span(found["times"])
            if most is None:
                unbounded += 1
            if found["times"] and not last_is_simple and most != 2:
                return False
            ways *= most or 1
            if groups and most != 1:
                groups[-1] = True
    return not groups and unbounded <= 1 and ways <= (_WAYS_MAX_UNBOUNDED if unbounded else _WAYS_MAX)


def _span(times: str) -> int | None:
    """In how many ways a repetition can end; None where that has no bound."""
    times = times.rstrip("?") or "?"
    if times in ("*", "+"):
        return None
    if times == "?":
        return 2
    least, comma, most = times[1:-1].partition(",")
    if not comma:
        return 1
    return max(1, int(most) - int(least) + 1) if most else None
