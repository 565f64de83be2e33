"""Fixtures of all tests of the shell's rooms."""

from collections.abc import Iterator

import pytest

from tests.support.thread_calls import ending_with_it


@pytest.fixture(autouse=True)
def calls_in_threads_end_with_the_test(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """A call that the shell gave up continues in its thread: without this it would lock, or write to, the database that
    is emptied for the next test."""
    if request.node.get_closest_marker("django_db") is None:
        yield
        return
    with ending_with_it(monkeypatch):
        yield


@pytest.fixture(scope="session", autouse=True)
def rights_are_not_made_anew_for_every_test() -> Iterator[None]:
    """After a test its tables are emptied, and Django would write down again which rights and kinds of rows there are:
    that took a third of a test. Who needs a right makes it (`test_admin.py`)."""
    from django.contrib.auth.management import create_permissions
    from django.contrib.contenttypes.management import create_contenttypes
    from django.db.models.signals import post_migrate

    uid = "django.contrib.auth.management.create_permissions"
    assert post_migrate.disconnect(dispatch_uid=uid)
    assert post_migrate.disconnect(create_contenttypes)
    yield
    post_migrate.connect(create_permissions, dispatch_uid=uid)
    post_migrate.connect(create_contenttypes)


@pytest.fixture(autouse=True)
def kinds_of_rows_are_looked_up_anew(request: pytest.FixtureRequest) -> None:
    """Django remembers their numbers, and the test before had others."""
    if request.node.get_closest_marker("django_db") is not None:
        from django.contrib.contenttypes.models import ContentType

        ContentType.objects.clear_cache()


@pytest.fixture(autouse=True)
def changes_are_announced_to_nobody(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No shell of another process listens during a test; `test_change_hints.py` has some that do."""
    if request.node.get_closest_marker("django_db") is not None:
        from shell.registry import change_hints

        monkeypatch.setattr(change_hints, "announce", lambda redis_url: None)


@pytest.fixture(autouse=True)
def passwords_are_hashed_at_little_cost(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same algorithm with few iterations; `test_throttle.py` checks the cost outside of tests."""
    if request.node.get_closest_marker("django_db") is not None:
        from shell.players.hashing import Argon2

        monkeypatch.setattr(Argon2, "memory_cost", 64)
        monkeypatch.setattr(Argon2, "time_cost", 1)
