"""What the engine of `small` holds of a load's deposits, and whether both sides of its books agree.

Public: `counted`, `assert_sound`.
"""

from collections import Counter

import psycopg

from tests.support.small.installation import Small
from tests.support.small.load import Load

_IN_THE_LEDGER = (
    "select receipt.key, count(movement.transaction_id) from commands_receipt receipt "
    "left join commands_transaction movement using (receipt_id) where receipt.key is not null group by 1"
)


def counted(small: Small, load: Load) -> Counter[int]:
    """How often each deposit stands in the ledger: number of movements -> number of deposits."""
    with psycopg.connect(small.database_url) as ledger:
        times: dict[str, int] = dict(ledger.execute(_IN_THE_LEDGER).fetchall())
    return Counter(next((n for label, n in times.items() if label.endswith(key)), 0) for key in load.pressed)


def assert_sound(small: Small) -> None:
    """The ledger adds up, and the read side says what it says."""
    engine = ("--settings", "bff.commands.settings")
    assert small.manage("bff-commands", "audit_ledger", *engine) == "The books are sound.\n"
    assert ", 0 differ." in small.manage("bff-commands", "rebuild_views", "--compare-only", *engine)
