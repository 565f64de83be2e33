"""Database triggers that make rows append-only, which models can not express.

Public: `protect_entries`, `unprotect_entries`, `protect_against_bypass`, `unprotect_against_bypass`.
"""

from typing import Any

_TABLES = {"commands_entry": "id", "commands_transaction": "transaction_id"}


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


def protect_against_bypass(_apps: Any, editor: Any) -> None:
    """Also refuse statements that change rows without firing a row's UPDATE or DELETE trigger.

    SQLite's REPLACE deletes the row in the way without asking its triggers (by its key or its rowid; a rowid that was
    not given is -1 here), and PostgreSQL's TRUNCATE asks those of the whole statement only.
    """
    for table, key in _TABLES.items():
        if editor.connection.vendor == "postgresql":
            editor.execute(
                f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_appended_only()"
            )
        else:
            there = f"SELECT 1 FROM {table} WHERE {key} = NEW.{key} OR rowid = NEW.rowid"  # noqa: S608
            editor.execute(
                f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN EXISTS ({there}) "
                "BEGIN SELECT RAISE(ABORT, 'the ledger is appended only'); END"
            )


def unprotect_against_bypass(_apps: Any, editor: Any) -> None:
    """Take that back."""
    for table in _TABLES:
        if editor.connection.vendor == "postgresql":
            editor.execute(f"DROP TRIGGER {table}_no_truncate ON {table}")
        else:
            editor.execute(f"DROP TRIGGER {table}_no_replace")
