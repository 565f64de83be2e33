"""Parses an upstream's `Retry-After`.

Public: `retry_after_ms`.
Source: RFC 9110 §10.2.3 (Retry-After: delay in seconds or an HTTP date).
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from bff.resilience.message import Headers


def retry_after_ms(headers: Headers, *, now: datetime, ms_max: int) -> int | None:
    """The delay in milliseconds, at most `ms_max`; None when it is missing, negative or not understood.

    A date is read against the answer's own Date where it has one, so that neither clock needs to be right; else against
    `now` (UTC).
    """
    value = headers.get("retry-after")
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        # Longer than any cap: not worth turning into a number.
        return ms_max if len(value) > 9 else min(int(value) * 1000, ms_max)
    when = _date(value)
    if when is None:
        return None
    delay_s = (when - (_date(headers.get("date") or "") or now)).total_seconds()
    return min(int(delay_s * 1000), ms_max) if delay_s >= 0 else None


def _date(value: str) -> datetime | None:
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)
