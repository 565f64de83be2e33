"""Rows that every command reads and writes, by statements that are built once a model.

Public: `insert`, `insert_values`, `insert_new`, `update`, `find`, `find_any`, `values`, `total`.

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
# How to convert a field's value for the driver, and the connection that decides it; None where the model's value is
# passed unchanged.
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
    """Insert rows without returning them; each has a value for every column, except a number that the database assigns.

    To make an object of a row takes as long as to write it.
    """
    sql, one, columns = _insert_sql(model)
    database = _database()
    _execute(
        database,
        sql + ", ".join([one] * len(rows)),
        [value for row in rows for value in _values(row, columns, database)],
    )


def insert_new(model: type[Model], **values: Any) -> bool:
    """Insert a row unless it conflicts with an existing one; returns whether it was inserted."""
    sql, one, columns = _insert_sql(model)
    database = _database()
    return bool(_execute(database, f"{sql}{one} ON CONFLICT DO NOTHING", _values(values, columns, database)).rowcount)


def update(row: Model, *names: str) -> None:
    """Write these columns of a row that is there."""
    sql, columns = _update_sql(type(row), names)
    database = _database()
    changed = _execute(database, sql, _values(row.__dict__, columns, database)).rowcount
    if changed != 1:
        raise DatabaseError(f"{changed} rows of {type(row).__name__} have the key {row.pk!r}")


def find(model: type[M], *, lock: bool = False, **equal: Any) -> list[M]:
    """Rows whose columns have these values (None: no value); with `lock` they stay locked until the
    transaction ends.
    """
    return _find(model, [equal], lock)


def find_any(model: type[M], *alternatives: dict[str, Any]) -> list[M]:
    """Rows whose columns have the values of one of `alternatives` at least."""
    return _find(model, alternatives, False)


def values(model: type[Model], *columns: str, **equal: Any) -> Sequence[Any]:
    """Columns, of a kind that needs no conversion, of the one row whose columns have these values."""
    return _single(model, ", ".join(_column(_fields(model)[column]) for column in columns), equal)


def total(model: type[Model], column: str, **equal: Any) -> int:
    """The sum of a column over rows whose columns have these values."""
    return int(_single(model, f"COALESCE(SUM({_column(_fields(model)[column])}), 0)", equal)[0])


def _database() -> Any:
    """The thread's connection, which Django's `connection` looks up anew for each attribute."""
    database = connections[DEFAULT_DB_ALIAS]
    if database.connection is None:
        database.ensure_connection()  # raises within a transaction that has lost its connection
    if database.needs_rollback:
        database.validate_no_broken_transaction()
    return database


def _execute(database: Any, sql: str, values: Sequence[Any]) -> Any:
    with database.wrap_database_errors:
        return database.connection.execute(sql, values)


def _values(row: dict[str, Any], columns: "list[tuple[str, Prepare | None]]", database: Any) -> list[Any]:
    return [prepare(row[name], database) if prepare else row[name] for name, prepare in columns]


def _find(model: type[M], alternatives: Sequence[dict[str, Any]], lock: bool) -> list[M]:
    named = tuple(tuple((name, value is None) for name, value in equal.items()) for equal in alternatives)
    sql, names, converters = _select_sql(model, named, lock)
    database = _database()
    rows = []
    with database.wrap_database_errors:
        for each in database.connection.execute(sql, _parameters(model, alternatives, database)):
            values = list(each)
            for place, expression, converts in converters:
                for convert in converts:
                    values[place] = convert(values[place], expression, database)
            rows.append(model.from_db(database.alias, names, values))
    return rows


def _single(model: type[Model], what: str, equal: dict[str, Any]) -> Sequence[Any]:
    database = _database()
    sql = _single_sql(model, what, tuple((name, value is None) for name, value in equal.items()))
    with database.wrap_database_errors:
        [found] = database.connection.execute(sql, _parameters(model, [equal], database))
    return tuple(found)


def _parameters(model: type[Model], alternatives: Sequence[dict[str, Any]], database: Any) -> list[Any]:
    preparers = _preparers(model)
    return [
        prepare(value, database) if (prepare := preparers[name]) else value
        for equal in alternatives
        for name, value in equal.items()
        if value is not None
    ]


# Names of tables and columns come from the models alone; every value is a parameter.
@cache
def _fields(model: type[Model]) -> "dict[str, Field[Any, Any]]":
    return {field.attname: field for field in model._meta.concrete_fields}


@cache
def _preparers(model: type[Model]) -> dict[str, Prepare | None]:
    return {
        name: None if field.get_internal_type() in _PLAIN else field.get_db_prep_save
        for name, field in _fields(model).items()
    }


@cache
def _placeholder() -> str:
    return "?" if connection.vendor == "sqlite" else "%s"


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _column(field: "Field[Any, Any]") -> str:
    assert field.column is not None  # only a relation of many to many has no column of its own
    return connection.ops.quote_name(field.column)


@cache
def _insert_sql(model: type[Model]) -> tuple[str, str, list[tuple[str, Prepare | None]]]:
    names = [name for name, field in _fields(model).items() if field.get_internal_type() != "BigAutoField"]
    columns = ", ".join(_column(_fields(model)[name]) for name in names)
    places = ", ".join([_placeholder()] * len(names))
    sql = f"INSERT INTO {_table(model)} ({columns}) VALUES "  # noqa: S608
    return sql, f"({places})", [(name, _preparers(model)[name]) for name in names]


@cache
def _update_sql(model: type[Model], names: tuple[str, ...]) -> tuple[str, list[tuple[str, Prepare | None]]]:
    changed = ", ".join(f"{_column(_fields(model)[name])} = {_placeholder()}" for name in names)
    sql = f"UPDATE {_table(model)} SET {changed} WHERE {_column(model._meta.pk)} = {_placeholder()}"  # noqa: S608
    return sql, [(name, _preparers(model)[name]) for name in (*names, model._meta.pk.attname)]


def _where_clause(model: type[Model], equal: tuple[tuple[str, bool], ...]) -> str:
    columns = [(_column(_fields(model)[name]), missing) for name, missing in equal]
    return " AND ".join(
        f"{column} IS NULL" if missing else f"{column} = {_placeholder()}" for column, missing in columns
    )


@cache
def _single_sql(model: type[Model], what: str, equal: tuple[tuple[str, bool], ...]) -> str:
    return f"SELECT {what} FROM {_table(model)} WHERE {_where_clause(model, equal)}"  # noqa: S608


@cache
def _select_sql(
    model: type[Model], alternatives: tuple[tuple[tuple[str, bool], ...], ...], lock: bool
) -> tuple[str, list[str], list[tuple[int, Any, list[Converter]]]]:
    fields = list(_fields(model).values())
    columns = ", ".join(_column(field) for field in fields)
    where = " OR ".join(f"({_where_clause(model, equal)})" for equal in alternatives)
    ending = " FOR UPDATE" if lock and connection.features.has_select_for_update else ""
    sql = f"SELECT {columns} FROM {_table(model)} WHERE {where}{ending}"  # noqa: S608
    converters = []
    for place, field in enumerate(fields):
        expression = field.get_col(model._meta.db_table)
        converts = connection.ops.get_db_converters(expression) + expression.get_db_converters(connection)
        if converts:
            converters.append((place, expression, converts))
    return sql, [field.attname for field in fields], converters
