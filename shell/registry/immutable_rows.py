"""Audit entries, releases and their files are immutable in the database itself: nobody changes or deletes a row past
this code.

Public: `install`, `remove`, `install_after_migrate`, `TABLES`.
The triggers are looked for after every `migrate`, for SQLite makes a table anew, without them, where a column is added.
A migration that has to change such rows calls `remove` first. Whoever owns the database can take the triggers away, as
they can drop the tables; nobody does so by mistake.
"""

from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

# Each with the sentence that a change of it is refused with.
TABLES = {
    "registry_auditentry": "the audit is append-only",
    "registry_release": "a release is immutable",
    "registry_asset": "a file of a release is immutable",
}


def install(connection: BaseDatabaseWrapper) -> None:
    """Have the triggers there; those that are stay. A database of another kind has none."""
    with connection.cursor() as cursor:
        for table, words in TABLES.items():
            if connection.vendor == "sqlite":
                for name, rule in _sqlite(table, words).items():
                    cursor.execute(f"CREATE TRIGGER IF NOT EXISTS {name} {rule}")
            elif connection.vendor == "postgresql":
                cursor.execute(_function(table, words))
                for name, rule in _postgresql(table).items():
                    cursor.execute(f"CREATE OR REPLACE TRIGGER {name} {rule}")


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take them away: for a migration that changes rows, and of a database of tests, which is emptied for each."""
    sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        for table, words in TABLES.items():
            for name in _sqlite(table, words) if sqlite else _postgresql(table):
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}" + ("" if sqlite else f" ON {table}"))


def install_after_migrate(using: str, **_: Any) -> None:
    """Once all of the registry's migrations ran; not while only earlier ones were, as a table may not be there."""
    connection = connections[using]
    if TABLES.keys() <= set(connection.introspection.table_names()):
        install(connection)


def _sqlite(table: str, words: str) -> dict[str, str]:
    return {
        f"{table}_no_{event.lower()}": f"BEFORE {event} ON {table} BEGIN SELECT RAISE(ABORT, '{words}'); END"
        for event in ("UPDATE", "DELETE")
    }


def _postgresql(table: str) -> dict[str, str]:
    return {
        f"{table}_no_change": f"BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_stands()",
        f"{table}_no_truncate": f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {table}_stands()",
    }


def _function(table: str, words: str) -> str:
    return f"""CREATE OR REPLACE FUNCTION {table}_stands() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{words}' USING ERRCODE = 'integrity_constraint_violation'; END $$"""
