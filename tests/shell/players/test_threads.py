"""Which database connections the threads of look-ups keep."""

import time

import pytest
from django.db import OperationalError, connection
from django.db.backends.sqlite3.base import DatabaseWrapper

from shell.players.threads import Threads

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def closes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection to the tests' database in memory is closed as one to a file is."""
    monkeypatch.setattr(DatabaseWrapper, "is_in_memory_db", lambda _: False)


def used() -> object:
    """The connection of the thread that this is called in, after a query."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return connection.connection


def failing() -> object:
    used()
    raise OperationalError


async def test_connection_is_kept_for_the_next_call() -> None:
    """As long as it may be; without a time it is closed after each."""
    keeping, closing = Threads("keeping", 1, 1, connection_age_s_max=60), Threads("closing", 1, 1)
    first = await keeping.run(used, deadline_ms=5000)
    assert await keeping.run(used, deadline_ms=5000) is first
    await keeping.run(lambda: setattr(connection, "close_at", time.monotonic()), deadline_ms=5000)
    assert await keeping.run(used, deadline_ms=5000) is not first
    await closing.run(used, deadline_ms=5000)
    assert await closing.run(lambda: connection.connection, deadline_ms=5000) is None


async def test_connection_of_a_call_that_failed_is_not_kept() -> None:
    """It may be what failed."""
    threads = Threads("failing", 1, 1, connection_age_s_max=60)
    await threads.run(used, deadline_ms=5000)
    with pytest.raises(OperationalError):
        await threads.run(failing, deadline_ms=5000)
    assert await threads.run(lambda: connection.connection, deadline_ms=5000) is None
