"""The ledger is append-only: the database itself refuses changes from any program."""

import pytest
from django.db import DatabaseError, connection, transaction

from bff.commands.ledger.models import Entry, Transaction
from tests.bff.commands.house.case_play import Table


@pytest.fixture
def entry():
    return Entry.objects.filter(account__player_id=Table().player).get()


def refused(statement, *values):
    """Whether the database refuses the statement and leaves everything as it was."""
    before = list(Entry.objects.order_by("pk").values()), list(Transaction.objects.order_by("pk").values())
    with pytest.raises(DatabaseError, match="appended only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
    after = list(Entry.objects.order_by("pk").values()), list(Transaction.objects.order_by("pk").values())
    return before == after


def test_posted_rows_can_not_be_changed_or_deleted(entry):
    """Neither an entry nor its transaction."""
    assert refused("UPDATE commands_entry SET amount_minor = 1 WHERE id = %s", entry.pk)
    assert refused("DELETE FROM commands_entry WHERE id = %s", entry.pk)
    assert refused("UPDATE commands_transaction SET kind = 'x' WHERE transaction_id = %s", entry.transaction_id)
    assert refused("DELETE FROM commands_transaction WHERE transaction_id = %s", entry.transaction_id)


def test_posted_rows_can_not_be_replaced(entry):
    """What is written over a row by its key or its rowid is refused; a row of its own is not."""
    columns = "(id, transaction_id, account_id, amount_minor, currency)"
    row = (entry.pk, entry.transaction_id, entry.account_id, 1, entry.currency)
    if connection.vendor == "postgresql":
        written = f"INSERT INTO commands_entry {columns} VALUES (%s, %s, %s, %s, %s)"
        assert refused(f"{written} ON CONFLICT (id) DO UPDATE SET amount_minor = 1", *row)
        return
    for verb in ("INSERT OR REPLACE", "REPLACE"):
        assert refused(f"{verb} INTO commands_entry {columns} VALUES (%s, %s, %s, %s, %s)", *row)
    assert refused("UPDATE OR REPLACE commands_entry SET amount_minor = 1 WHERE id = %s", entry.pk)
    posted, names = entry.transaction, "transaction_id, kind, receipt_id, at"
    copied = "SELECT %s, 'x', receipt_id, at FROM commands_transaction"
    assert refused(f"INSERT OR REPLACE INTO commands_transaction ({names}) {copied} LIMIT 1", posted.pk)
    by_rowid = (
        f"INSERT OR REPLACE INTO commands_transaction (rowid, {names}) {copied.replace('SELECT', 'SELECT rowid,')}"
    )
    assert refused(f"{by_rowid} WHERE transaction_id = %s", "tx_other", posted.pk)


def test_the_tables_can_not_be_emptied(entry):
    """TRUNCATE asks no row; a DELETE of everything is that for SQLite."""
    both = "TRUNCATE commands_transaction, commands_entry" if connection.vendor == "postgresql" else ""
    assert refused(both or "DELETE FROM commands_entry")
    assert refused("TRUNCATE commands_entry" if both else "DELETE FROM commands_transaction")
