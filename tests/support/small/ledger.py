"""Compares a load's deposits in the engine of `small` with its payment provider, and both sides of its books.

Public: `deposits_by_end`, `assert_deposits`, `assert_sound`.
"""

from collections import Counter
from typing import Any

import psycopg

from tests.support import plain_http
from tests.support.lobby import wait_for
from tests.support.small.installation import Small
from tests.support.small.load import Load

_IN_THE_LEDGER = (
    "select receipt.key, receipt.receipt_id, receipt.state, count(movement.transaction_id) "
    "from commands_receipt receipt left join commands_transaction movement using (receipt_id) "
    "where receipt.key is not null group by 1, 2, 3"
)
# A charge whose answer was lost is looked up less and less often, at last once a minute.
SETTLED_S_MAX = 150
# (state, movements of money in the ledger, charges at the provider)
BOOKED, NEVER_CHARGED = ("done", 1, 1), ("declined", 0, 0)
End = tuple[str, int, int]


def assert_deposits(small: Small, load: Load) -> None:
    """Each deposit was booked once, as it was charged once. A charge that did not reach the provider, because the
    engine was killed before, is declined and booked nowhere; that happens to a few."""
    ended = deposits_by_end(small, load)
    print(f"deposits by end: {dict(ended)}")
    assert set(ended) <= {BOOKED, NEVER_CHARGED}, ended
    assert ended[BOOKED] >= 0.9 * len(load.pressed)


def deposits_by_end(small: Small, load: Load) -> Counter[End]:
    """How many deposits ended in each way, once none is pending."""
    found: dict[str, tuple[str, str, int]] = {}

    def settled() -> bool:
        found.update(_receipts(small, load))
        return "pending" not in {state for _, state, _ in found.values()}

    wait_for(settled, SETTLED_S_MAX, lambda: [each for each in found.values() if each[1] == "pending"], every_s=0.5)
    return Counter((state, movements, _charges(small, receipt)) for receipt, state, movements in found.values())


def _receipts(small: Small, load: Load) -> dict[str, tuple[str, str, int]]:
    """By idempotency key: receipt, state, movements; empty for a deposit without a receipt."""
    with psycopg.connect(small.database_url) as ledger:
        rows: list[tuple[str, str, str, int]] = ledger.execute(_IN_THE_LEDGER).fetchall()
    # The fragment's name precedes the key that the browser sent.
    of_key = {key: next((row for row in rows if row[0].endswith(key)), None) for key in load.pressed}
    return {key: (row[1], row[2], row[3]) if row else ("", "lost", 0) for key, row in of_key.items()}


def _charges(small: Small, receipt: str) -> int:
    with plain_http.Client(base_url=small.payments_url, timeout=30) as provider:
        answer: dict[str, Any] = provider.get("/v1/charges", params={"reference": receipt}).json()
    return sum(charge["status"] == "approved" for charge in answer["charges"])


def assert_sound(small: Small) -> None:
    """The ledger adds up, and the read side shows the same balances."""
    engine = ("--settings", "bff.commands.settings")
    assert small.manage("bff-commands", "audit_ledger", *engine) == "The books are sound.\n"
    assert ", 0 differ." in small.manage("bff-commands", "rebuild_views", "--compare-only", *engine)
