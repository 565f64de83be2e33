"""The audit is append-only in the database itself: whoever writes there past this code changes and deletes no row.

Public: `install`, `remove`, `install_after_migrate`.
They are looked for after every `migrate`, for SQLite makes a table anew, without them, where a column is added.
Whoever owns the database can take them away, as they can drop the table; nobody does so by mistake.
"""

from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

_TABLE = "registry_auditentry"
_WORDS = "the audit is append-only"
_SQLITE = {
    f"{_TABLE}_no_{event.lower()}": f"BEFORE {event} ON {_TABLE} BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END"
    for event in ("UPDATE", "DELETE")
}
_POSTGRESQL = {
    f"{_TABLE}_no_change": f"BEFORE UPDATE OR DELETE ON {_TABLE} FOR EACH ROW EXECUTE FUNCTION {_TABLE}_stands()",
    f"{_TABLE}_no_truncate": f"BEFORE TRUNCATE ON {_TABLE} FOR EACH STATEMENT EXECUTE FUNCTION {_TABLE}_stands()",
}
_FUNCTION = f"""CREATE OR REPLACE FUNCTION {_TABLE}_stands() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{_WORDS}' USING ERRCODE = 'integrity_constraint_violation'; END $$"""


def install(connection: BaseDatabaseWrapper) -> None:
    """Have them there; those that are stay. A database of another kind has none."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            for name, rule in _SQLITE.items():
                cursor.execute(f"CREATE TRIGGER IF NOT EXISTS {name} {rule}")
        elif connection.vendor == "postgresql":
            cursor.execute(_FUNCTION)
            for name, rule in _POSTGRESQL.items():
                cursor.execute(f"CREATE OR REPLACE TRIGGER {name} {rule}")


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take them away: of a database of tests, which is emptied for each."""
    on_table = "" if connection.vendor == "sqlite" else f" ON {_TABLE}"
    with connection.cursor() as cursor:
        for name in _SQLITE if connection.vendor == "sqlite" else _POSTGRESQL:
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on_table}")


def install_after_migrate(using: str, **_: Any) -> None:
    """Once all of the registry's migrations ran; not while only earlier ones were, as the table may not be there."""
    connection = connections[using]
    if _TABLE in connection.introspection.table_names():
        install(connection)
