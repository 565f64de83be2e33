"""How long an answer may be used, by its own headers.

Public: `Lifetime`, `lifetime`.
Sources: RFC 9111 §5.2.2 (Cache-Control in answers), §4.2.3 (Age); RFC 5861 (stale-while-revalidate, stale-if-error).
"""

import re
from dataclasses import dataclass

from bff.resilience.message import Headers

_DIRECTIVE = re.compile(r"""([a-zA-Z0-9_-]+)(?:\s*=\s*(?:"([^"]*)"|([^\s,"]*)))?""")
_SECONDS_MAX = 2**31  # RFC 9111 §1.2.2: whatever is larger counts as this


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Seconds from the moment of receipt. All 0: not to be kept.

    Fresh for `fresh_s`; then good for `revalidate_s` more while it is asked for again, and for `error_s` more (counted
    from the same end of freshness) when asking failed. `unmarked`: one of a moment ago may stand in for a late answer
    as if it were that; not where the answer says that it is never fresh.
    """

    fresh_s: int = 0
    revalidate_s: int = 0
    error_s: int = 0
    unmarked: bool = True

    @property
    def retained_s(self) -> int:
        """How long it is worth keeping at all."""
        return self.fresh_s + max(self.revalidate_s, self.error_s)


def lifetime(headers: Headers, *, stale_s_max: int, shared: bool) -> Lifetime:
    """The lifetime of an answer with these headers.

    `stale_s_max` is what its manifest allows after an error: the answer may ask for less, not for more. `shared`: it is
    kept for everybody, so `s-maxage` rules and `private` forbids. Without Cache-Control nothing is ever fresh, and what
    the manifest allows stands.
    """
    directives = _directives(headers)
    if "no-store" in directives or "no-cache" in directives or (shared and "private" in directives):
        return Lifetime()
    fresh_s = _seconds(directives, "max-age", 0)
    if shared:
        fresh_s = _seconds(directives, "s-maxage", fresh_s)
    unmarked = fresh_s > 0 or not directives.keys() & ({"max-age", "s-maxage"} if shared else {"max-age"})
    fresh_s -= _age_s(headers)
    overdue_s, fresh_s = max(0, -fresh_s), max(0, fresh_s)
    if "must-revalidate" in directives or (shared and "proxy-revalidate" in directives):
        return Lifetime(fresh_s, unmarked=unmarked)
    error_s = min(stale_s_max, _seconds(directives, "stale-if-error", stale_s_max))
    revalidate_s = _seconds(directives, "stale-while-revalidate", 0)
    # Both count from the end of freshness, and some of that may have passed before it came here.
    return Lifetime(fresh_s, max(0, revalidate_s - overdue_s), max(0, error_s - overdue_s), unmarked)


def _directives(headers: Headers) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, quoted, plain in _DIRECTIVE.findall(", ".join(headers.get_all("cache-control"))):
        found.setdefault(name.lower(), quoted or plain)
    return found


def _seconds(directives: dict[str, str], name: str, missing: int) -> int:
    # What is not a number promises nothing.
    return _number(directives[name]) if name in directives else missing


def _age_s(headers: Headers) -> int:
    return _number(headers.get("age") or "0")


def _number(value: str) -> int:
    value = value.strip()
    if not (value.isascii() and value.isdigit()):
        return 0
    return _SECONDS_MAX if len(value) > 10 else min(int(value), _SECONDS_MAX)
