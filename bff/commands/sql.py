"""What the models can not say: rows that no program may change again.

Public: `protect_entries`, `unprotect_entries`.
"""

from typing import Any

_TABLES = ("commands_entry", "commands_transaction")


def protect_entries(_apps: Any, editor: Any) -> None:
    """Make the database itself refuse to change or delete what has been posted."""
    if editor.connection.vendor == "postgresql":
        editor.execute(
            "CREATE FUNCTION ledger_is_appended_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the ledger is appended only'; END $$"
        )
    for table in _TABLES:
        for verb in ("UPDATE", "DELETE"):
            name = f"{table}_no_{verb.lower()}"
            if editor.connection.vendor == "postgresql":
                act = "FOR EACH ROW EXECUTE FUNCTION ledger_is_appended_only()"
            else:
                act = "BEGIN SELECT RAISE(ABORT, 'the ledger is appended only'); END"
            editor.execute(f"CREATE TRIGGER {name} BEFORE {verb} ON {table} {act}")


def unprotect_entries(_apps: Any, editor: Any) -> None:
    """Take the refusal back, so that the tables can be dropped."""
    for table in _TABLES:
        for verb in ("update", "delete"):
            where = f" ON {table}" if editor.connection.vendor == "postgresql" else ""
            editor.execute(f"DROP TRIGGER {table}_no_{verb}{where}")
    if editor.connection.vendor == "postgresql":
        editor.execute("DROP FUNCTION ledger_is_appended_only()")
