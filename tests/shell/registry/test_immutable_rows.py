"""A row of the audit, a release and a file of one are neither changed nor deleted, by whatever way: the database itself
says no.

`test_over_postgres.py` runs it there, too.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import Error, connection
from django.db.models import Model
from django.db.models.signals import post_migrate

from shell.registry import immutable_rows, models

pytestmark = pytest.mark.django_db(transaction=True)

AUDIT, RELEASE, ASSET = models.AuditEntry, models.Release, models.Asset
REFUSED = "append-only|is immutable"


def raw(sql: str) -> Callable[[], Any]:
    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql)

    return run


WAYS: dict[str, tuple[type[Model], Callable[[], Any]]] = {
    "audit update": (AUDIT, lambda: AUDIT.objects.update(actor="nobody")),
    "audit delete": (AUDIT, lambda: AUDIT.objects.all().delete()),
    "audit raw update": (AUDIT, raw("UPDATE registry_auditentry SET detail = ''")),
    "audit raw delete": (AUDIT, raw("DELETE FROM registry_auditentry")),
    "release update": (RELEASE, lambda: RELEASE.objects.update(manifest=b"{}")),
    "release raw delete": (RELEASE, raw("DELETE FROM registry_release")),
    "file raw update": (ASSET, raw("UPDATE registry_asset SET content_type = 'text/html'")),
    "file delete": (ASSET, lambda: ASSET.objects.all().delete()),
}


def written(kind: type[Model], number: int) -> Model:
    """One more row of this model."""
    if kind is AUDIT:
        return AUDIT.objects.create(actor="ci", action="published", fragment="poll")
    if kind is RELEASE:
        return RELEASE.objects.create(fragment="poll", version="1", digest=f"{number:064}", manifest=b"", fallback=b"")
    return ASSET.objects.create(digest=f"{number:064}", content_type="text/css", body=b"")


@pytest.fixture
def standing() -> Iterator[None]:
    """Creates the triggers as `migrate` does, and drops them afterwards, as tests empty the database."""
    immutable_rows.install_after_migrate("default")
    immutable_rows.install_after_migrate("default")
    yield
    immutable_rows.remove(connection)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.usefixtures("standing")
def test_rows_are_append_only_in_the_database(way: str) -> None:
    """SQL that bypasses the code can not change or delete a row; inserting still works."""
    kind, change = WAYS[way]
    written(kind, 1)
    before = list(kind._default_manager.values())
    with pytest.raises(Error, match=REFUSED):
        change()
    assert list(kind._default_manager.values()) == before
    written(kind, 2)
    assert kind._default_manager.count() == 2


@pytest.mark.usefixtures("standing")
def test_rows_are_append_only_after_truncate() -> None:
    """PostgreSQL's TRUNCATE is refused, too."""
    for kind in (AUDIT, RELEASE, ASSET):
        written(kind, 1)
        if connection.vendor == "postgresql":
            with pytest.raises(Error, match=REFUSED):
                raw(f"TRUNCATE {kind._meta.db_table} CASCADE")()
        assert kind._default_manager.count() == 1


def test_migrate_of_half_a_registry_asks_for_no_trigger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first migrations have made the tables there is nothing to guard."""
    installed: list[object] = []
    monkeypatch.setattr(immutable_rows, "install", installed.append)
    monkeypatch.setitem(immutable_rows.TABLES, "registry_nothing", "")
    immutable_rows.install_after_migrate("default")
    assert installed == []


def test_rows_are_append_only_after_a_migrate() -> None:
    """`conftest.py` leaves the triggers out for tests; a real `migrate` creates them."""
    apps.get_app_config("registry").ready()
    try:
        call_command("migrate", verbosity=0)
        with pytest.raises(Error, match=REFUSED):
            written(AUDIT, 1).delete()
    finally:
        post_migrate.disconnect(sender=apps.get_app_config("registry"), dispatch_uid="registry.immutable_rows")
        immutable_rows.remove(connection)
