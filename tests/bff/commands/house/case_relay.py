"""Rows of the outbox that become visible in another order than they were written in."""

from datetime import UTC, datetime

import pytest
from django.db import OperationalError, connection, connections

from bff.commands.ledger.models import OutboxRow
from bff.commands.relay import steps
from tests.bff.commands.house.case_play import Table

ALL = frozenset({0})
REST = "type, aggregate, epoch, sequence, at, data, position_epoch"


@pytest.fixture
def another():
    """A second connection, as of another process."""
    made = connections.create_connection("default")
    yield made
    made.close()


def test_a_row_that_is_committed_late_is_not_skipped(another):
    """Its number is lower, its commit later: it goes out after the others, once. SQLite lets nobody write between."""
    Table()
    drained()
    last = OutboxRow.objects.order_by("pk").last()
    another.set_autocommit(False)
    with another.cursor() as cursor:
        copied = f"SELECT 'late', {REST} FROM commands_outboxrow WHERE id = %s"
        cursor.execute(f"INSERT INTO commands_outboxrow (event_id, {REST}) {copied}", [last.pk])
    if connection.vendor == "sqlite":
        with pytest.raises(OperationalError, match="locked"):
            Table()
        another.rollback()
        return
    player = Table().player
    late = last.pk + 1
    first = drained()
    assert f"player:{player}" in {event.aggregate for event in first}
    assert "late" not in {event.id for event in first}
    assert OutboxRow.objects.get(aggregate=f"player:{player}").pk > late
    another.commit()
    second = drained()
    assert [event.id for event in second] == ["late"]
    assert second[0].position[1] == max(event.position[1] for event in first) + 1
    assert drained() == []
    OutboxRow.objects.filter(event_id="late").delete()


def drained():
    """Everything that a relay sends until nothing is left."""
    batch, seen = None, []
    while batch is None or batch.rows:
        batch = steps.next_batch(ALL, batch, datetime.now(UTC))
        seen += batch.events
    return seen


def test_a_relay_is_idle_only_while_nothing_waits_for_it():
    """An idle turn reads one row; whoever has a row to send, or one to give its key, takes the whole turn."""
    drained()
    assert steps.is_idle(ALL)
    Table()
    assert not steps.is_idle(ALL)
    assert steps.is_idle(frozenset()), "who holds nothing sends nothing"
    drained()
    assert steps.is_idle(ALL)
