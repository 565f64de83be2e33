"""Time limits that the database server must enforce, so that no command waits for ever: requested on connecting, then
verified.

Public: `LIMITS_MS`, `STARTUP_OPTIONS`, `advice`, `unmet`.

A pooler in transaction mode (pgbouncer) hands each transaction another connection to the server, and passes no startup
options on. Then the limits have to stand with the role, and an engine without them says so and takes no command.
"""

from collections.abc import Mapping

LIMITS_MS: dict[str, int] = {
    "statement_timeout": 5000,
    "lock_timeout": 3000,
    "idle_in_transaction_session_timeout": 10_000,
}
STARTUP_OPTIONS = " ".join(f"-c {name}={value}" for name, value in LIMITS_MS.items())


def unmet(standing_ms: Mapping[str, int]) -> str:
    """Which limit the server does not hold, "" where all are held. 0 is none; a shorter one does."""
    missing = [
        f"{name} is {standing_ms.get(name, 0)} ms, not {value} or less"
        for name, value in LIMITS_MS.items()
        if not 0 < standing_ms.get(name, 0) <= value
    ]
    return "; ".join(missing)


def advice(role: str) -> str:
    """What to do where a pooler stands in between."""
    statements = "; ".join(f"ALTER ROLE \"{role}\" SET {name} = '{value}ms'" for name, value in LIMITS_MS.items())
    return (
        "Through a pooler in transaction mode these limits belong to the role, and pgbouncer is told "
        f"`ignore_startup_parameters = options`. As the owner of the database: {statements}; "
        "then RECONNECT in pgbouncer."
    )
