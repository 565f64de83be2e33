"""Safer-gambling duties of the shell, independent of fragments: the session's length and the reality check.

Public: `duty_values`, `duration_words`, `SIGNED_IN_AT`, `CHECKED_AT`.
"""

from collections.abc import Mapping

from django.conf import settings

from shell.players.identity import Identity

# Where the session keeps both moments, in Unix seconds.
SIGNED_IN_AT = "signed_in_at"
CHECKED_AT = "reality_checked_at"


def duty_values(identity: Identity | None, *, now: int) -> Mapping[str, str]:
    """The values of a page's holes about the session's length; empty for a visitor. `now` is Unix time in seconds."""
    if identity is None:
        return {}
    elapsed_s = max(0, now - identity.since) if identity.since else 0
    every_s = settings.REALITY_CHECK_MIN * 60
    # A session without a start time gets the reality check at once, to be safe.
    due_s = max(identity.since, identity.checked) + every_s - now
    return {
        "session_s": str(elapsed_s),
        "session_words": duration_words(elapsed_s) if identity.since else "–",
        "reality": "due" if due_s <= 0 else "wait",
        "reality_due_s": str(max(0, due_s)),
        "reality_every_s": str(every_s),
    }


def duration_words(seconds: int) -> str:
    """`12 min`, `1 h 05 min`."""
    minutes = seconds // 60
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
