"""A row of the audit is neither changed nor deleted, by whatever way: the database itself says no.

`test_over_postgres.py` runs it there, too.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import Error, connection
from django.db.models.signals import post_migrate

from shell.registry import audit_triggers, models

pytestmark = pytest.mark.django_db(transaction=True)


def raw(sql: str) -> Callable[[], Any]:
    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql)

    return run


WAYS: dict[str, Callable[[], Any]] = {
    "update": lambda: models.AuditEntry.objects.update(actor="nobody"),
    "delete": lambda: models.AuditEntry.objects.all().delete(),
    "raw update": raw("UPDATE registry_auditentry SET detail = ''"),
    "raw delete": raw("DELETE FROM registry_auditentry"),
}


@pytest.fixture
def standing() -> Iterator[models.AuditEntry]:
    """As after a `migrate`; taken away again, for the database is emptied after each test."""
    audit_triggers.install_after_migrate("default")
    audit_triggers.install_after_migrate("default")
    yield models.AuditEntry.objects.create(actor="ci", action="published", fragment="poll")
    audit_triggers.remove(connection)


@pytest.mark.parametrize("way", WAYS)
def test_audit_is_append_only_in_the_database(standing: models.AuditEntry, way: str) -> None:
    """Past the code, by a superuser's shell, or by a slip: what was written stays, and more can be."""
    before = list(models.AuditEntry.objects.values())
    with pytest.raises(Error, match="the audit is append-only"):
        WAYS[way]()
    assert list(models.AuditEntry.objects.values()) == before
    models.AuditEntry.objects.create(actor="ci", action="rolled_back", fragment="poll")
    assert models.AuditEntry.objects.count() == 2


def test_audit_is_append_only_after_truncate(standing: models.AuditEntry) -> None:
    """Where a database has a way of its own to empty a table."""
    if connection.vendor == "postgresql":
        with pytest.raises(Error, match="the audit is append-only"):
            raw("TRUNCATE registry_auditentry")()
    assert models.AuditEntry.objects.count() == 1


def test_migrate_of_half_a_registry_asks_for_no_trigger(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table is made by the first migration; before it there is nothing to guard."""
    installed: list[object] = []
    monkeypatch.setattr(audit_triggers, "install", installed.append)
    monkeypatch.setattr(audit_triggers, "_TABLE", "registry_nothing")
    audit_triggers.install_after_migrate("default")
    assert installed == []


def test_audit_is_append_only_after_a_migrate() -> None:
    """Tests are spared by `conftest.py`; a real one is not."""
    apps.get_app_config("registry").ready()
    try:
        call_command("migrate", verbosity=0)
        with pytest.raises(Error, match="the audit is append-only"):
            models.AuditEntry.objects.create(actor="ci", action="held", fragment="poll").delete()
    finally:
        post_migrate.disconnect(sender=apps.get_app_config("registry"), dispatch_uid="registry.audit_triggers")
        audit_triggers.remove(connection)
