"""A database that would not end slow statements is refused, and the refusal says what to do."""

import pytest
from django.db import OperationalError

from bff.commands.engine.postgresql.base import DatabaseWrapper
from bff.commands.engine.postgresql.limits import LIMITS_MS, STARTUP_OPTIONS, advice, unmet


@pytest.fixture
def reached(django_db_blocker):
    """These tests open connections of their own, to databases of their own."""
    with django_db_blocker.unblock():
        yield


def engine_over(postgres, database, options):
    url = postgres.url(database)
    settings = {
        "NAME": url.rpartition("/")[2], "USER": "mullion", "PASSWORD": "", "HOST": "127.0.0.1", "PORT": postgres.port,
        "OPTIONS": {"options": options}, "TIME_ZONE": None, "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": False,
        "AUTOCOMMIT": True, "ATOMIC_REQUESTS": False,
    }  # fmt: skip
    return DatabaseWrapper(settings, alias="default")


def test_all_limits_are_asked_for_on_connecting():
    """What is checked is what is asked for."""
    assert STARTUP_OPTIONS == (
        "-c statement_timeout=5000 -c lock_timeout=3000 -c idle_in_transaction_session_timeout=10000"
    )


@pytest.mark.parametrize(
    ("standing", "missing"),
    [({}, "statement_timeout"), ({"lock_timeout": 0}, "lock_timeout"), ({"lock_timeout": 60_000}, "lock_timeout")],
)
def test_limit_that_is_none_or_longer_is_unmet(standing, missing):
    """0 means no limit at PostgreSQL."""
    held = {**LIMITS_MS, **standing} if standing else {}
    assert missing in unmet(held)


def test_shorter_limits_do():
    """Whoever is stricter than asked is not refused."""
    assert unmet({name: value - 1 for name, value in LIMITS_MS.items()}) == ""


def test_advice_names_role_and_every_limit():
    """It can be pasted."""
    assert all(
        f"ALTER ROLE \"engine\" SET {name} = '{value}ms'" in advice("engine") for name, value in LIMITS_MS.items()
    )


def test_connection_that_lost_its_limits_is_refused_each_time(postgres, reached):
    """A pooler drops startup options: no thread of the engine works on such a connection, now or on the next try."""
    engine = engine_over(postgres, "unlimited", "")
    for _ in range(2):
        with pytest.raises(OperationalError, match="statement_timeout is 0 ms, not 5000 or less"):
            engine.ensure_connection()
    assert engine.connection is None


def test_connection_with_its_limits_is_taken(postgres, reached):
    """Straight to the server nothing needs to be set."""
    engine = engine_over(postgres, "limited", STARTUP_OPTIONS)
    engine.ensure_connection()
    assert engine.is_usable()
    engine.close()
