"""Rows that every command reads and writes, by statements that are built once a model.

Public: `insert`, `insert_values`, `insert_new`, `update`, `find`, `find_any`, `value`, `total`.

The ORM composes its SQL anew for each call, and a bet makes fifteen of them: that was four fifths of what a bet cost.
Half of the rest was Django's cursor, which looks at its connection anew and rewrites each statement's placeholders, so
these go to the driver themselves. Columns, conversions and constraints are the models' own. Use these inside a
transaction, for rows that stand alone; for everything else there is the ORM.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections
from django.db.models import Field, Model

M = TypeVar("M", bound=Model)
Converter = Callable[[Any, Any, Any], Any]
# What a field's value is for the driver, and the connection that says so; None where it is what the model holds.
Prepare = Callable[[Any, Any], Any]

# The drivers take these as they are.
_PLAIN = frozenset(
    {"BigAutoField", "BigIntegerField", "BooleanField", "CharField", "ForeignKey", "IntegerField", "OneToOneField",
     "TextField"}
)  # fmt: skip


def insert(*rows: Model) -> None:
    """Write rows of one model. A number that the database gives is not learned."""
    insert_values(type(rows[0]), *(row.__dict__ for row in rows))
    for row in rows:
        row._state.adding = False


def insert_values(model: type[Model], *rows: dict[str, Any]) -> None:
    """Write rows that nobody needs afterwards; each has a value for every column but a number that the database gives.

    To make an object of a row takes as long as to write it.
    """
    sql, one, columns = _insertion(model)
    line = _line()
    _execute(line, sql + ", ".join([one] * len(rows)), [value for row in rows for value in _held(row, columns, line)])


def insert_new(model: type[Model], **values: Any) -> bool:
    """Write a row, unless one is there that it may not stand beside; whether it was written."""
    sql, one, columns = _insertion(model)
    line = _line()
    return bool(_execute(line, f"{sql}{one} ON CONFLICT DO NOTHING", _held(values, columns, line)).rowcount)


def update(row: Model, *names: str) -> None:
    """Write these columns of a row that is there."""
    sql, columns = _change(type(row), names)
    line = _line()
    changed = _execute(line, sql, _held(row.__dict__, columns, line)).rowcount
    if changed != 1:
        raise DatabaseError(f"{changed} rows of {type(row).__name__} have the key {row.pk!r}")


def find(model: type[M], *, lock: bool = False, **equal: Any) -> list[M]:
    """Rows whose columns have these values (None: no value); with `lock`, nobody else changes them until the end."""
    return _found(model, [equal], lock)


def find_any(model: type[M], *alternatives: dict[str, Any]) -> list[M]:
    """Rows whose columns have the values of one of `alternatives` at least."""
    return _found(model, alternatives, False)


def value(model: type[Model], column: str, **equal: Any) -> Any:
    """One column, of a kind that needs no conversion, of the one row whose columns have these values."""
    return _one(model, _column(_fields(model)[column]), equal)


def total(model: type[Model], column: str, **equal: Any) -> int:
    """The sum of a column over rows whose columns have these values."""
    return int(_one(model, f"COALESCE(SUM({_column(_fields(model)[column])}), 0)", equal))


def _line() -> Any:
    """The thread's connection: what Django's `connection` looks up with each name that it is asked for."""
    line = connections[DEFAULT_DB_ALIAS]
    if line.connection is None:
        line.ensure_connection()  # raises within a transaction that has lost its connection
    if line.needs_rollback:
        line.validate_no_broken_transaction()
    return line


def _execute(line: Any, sql: str, values: Sequence[Any]) -> Any:
    with line.wrap_database_errors:
        return line.connection.execute(sql, values)


def _held(row: dict[str, Any], columns: "list[tuple[str, Prepare | None]]", line: Any) -> list[Any]:
    return [prepare(row[name], line) if prepare else row[name] for name, prepare in columns]


def _found(model: type[M], alternatives: Sequence[dict[str, Any]], lock: bool) -> list[M]:
    named = tuple(tuple((name, value is None) for name, value in equal.items()) for equal in alternatives)
    sql, names, converters = _selection(model, named, lock)
    line = _line()
    rows = []
    with line.wrap_database_errors:
        for each in line.connection.execute(sql, _asked(model, alternatives, line)):
            values = list(each)
            for place, expression, converts in converters:
                for convert in converts:
                    values[place] = convert(values[place], expression, line)
            rows.append(model.from_db(line.alias, names, values))
    return rows


def _one(model: type[Model], what: str, equal: dict[str, Any]) -> Any:
    line = _line()
    sql = _looking_up(model, what, tuple((name, value is None) for name, value in equal.items()))
    with line.wrap_database_errors:
        [(found,)] = line.connection.execute(sql, _asked(model, [equal], line))
    return found


def _asked(model: type[Model], alternatives: Sequence[dict[str, Any]], line: Any) -> list[Any]:
    prepared = _prepared(model)
    return [
        prepare(value, line) if (prepare := prepared[name]) else value
        for equal in alternatives
        for name, value in equal.items()
        if value is not None
    ]


# Names of tables and columns come from the models alone; every value is a parameter.
@cache
def _fields(model: type[Model]) -> "dict[str, Field[Any, Any]]":
    return {field.attname: field for field in model._meta.concrete_fields}


@cache
def _prepared(model: type[Model]) -> dict[str, Prepare | None]:
    return {
        name: None if field.get_internal_type() in _PLAIN else field.get_db_prep_save
        for name, field in _fields(model).items()
    }


@cache
def _place() -> str:
    return "?" if connection.vendor == "sqlite" else "%s"


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _column(field: "Field[Any, Any]") -> str:
    assert field.column is not None  # only a relation of many to many has no column of its own
    return connection.ops.quote_name(field.column)


@cache
def _insertion(model: type[Model]) -> tuple[str, str, list[tuple[str, Prepare | None]]]:
    names = [name for name, field in _fields(model).items() if field.get_internal_type() != "BigAutoField"]
    columns = ", ".join(_column(_fields(model)[name]) for name in names)
    places = ", ".join([_place()] * len(names))
    sql = f"INSERT INTO {_table(model)} ({columns}) VALUES "  # noqa: S608
    return sql, f"({places})", [(name, _prepared(model)[name]) for name in names]


@cache
def _change(model: type[Model], names: tuple[str, ...]) -> tuple[str, list[tuple[str, Prepare | None]]]:
    changed = ", ".join(f"{_column(_fields(model)[name])} = {_place()}" for name in names)
    sql = f"UPDATE {_table(model)} SET {changed} WHERE {_column(model._meta.pk)} = {_place()}"  # noqa: S608
    return sql, [(name, _prepared(model)[name]) for name in (*names, model._meta.pk.attname)]


def _where(model: type[Model], equal: tuple[tuple[str, bool], ...]) -> str:
    columns = [(_column(_fields(model)[name]), missing) for name, missing in equal]
    return " AND ".join(f"{column} IS NULL" if missing else f"{column} = {_place()}" for column, missing in columns)


@cache
def _looking_up(model: type[Model], what: str, equal: tuple[tuple[str, bool], ...]) -> str:
    return f"SELECT {what} FROM {_table(model)} WHERE {_where(model, equal)}"  # noqa: S608


@cache
def _selection(
    model: type[Model], alternatives: tuple[tuple[tuple[str, bool], ...], ...], lock: bool
) -> tuple[str, list[str], list[tuple[int, Any, list[Converter]]]]:
    fields = list(_fields(model).values())
    columns = ", ".join(_column(field) for field in fields)
    where = " OR ".join(f"({_where(model, equal)})" for equal in alternatives)
    ending = " FOR UPDATE" if lock and connection.features.has_select_for_update else ""
    sql = f"SELECT {columns} FROM {_table(model)} WHERE {where}{ending}"  # noqa: S608
    converters = []
    for place, field in enumerate(fields):
        expression = field.get_col(model._meta.db_table)
        converts = connection.ops.get_db_converters(expression) + expression.get_db_converters(connection)
        if converts:
            converters.append((place, expression, converts))
    return sql, [field.attname for field in fields], converters
