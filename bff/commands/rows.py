"""Rows that every command reads and writes, by statements that are built once a model.

Public: `insert`, `update`, `find`, `total`.

The ORM composes its SQL anew for each call, and a bet makes sixteen of them: that was four fifths of what a bet cost.
Columns, conversions and constraints are the models' own. Use these inside a transaction, for rows that stand alone;
for everything else there is the ORM.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from django.db import DatabaseError, connection
from django.db.models import Field, Model

M = TypeVar("M", bound=Model)
Converter = Callable[[Any, Any, Any], Any]


def insert(*rows: Model) -> None:
    """Write rows of one model. A number that the database gives is not learned."""
    sql, one, fields = _insertion(type(rows[0]))
    values = [field.get_db_prep_save(getattr(row, field.attname), connection) for row in rows for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(sql + ", ".join([one] * len(rows)), values)
    for row in rows:
        row._state.adding = False


def update(row: Model, *names: str) -> None:
    """Write these columns of a row that is there."""
    model = type(row)
    fields = [_fields(model)[name] for name in (*names, model._meta.pk.attname)]
    values = [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(_change(model, names), values)
        if cursor.rowcount != 1:
            raise DatabaseError(f"{cursor.rowcount} rows of {model.__name__} have the key {row.pk!r}")


def find(model: type[M], *, lock: bool = False, **equal: Any) -> list[M]:
    """Rows whose columns have these values (None: no value); with `lock`, nobody else changes them until the end."""
    sql, names, converters = _selection(model, tuple((name, value is None) for name, value in equal.items()), lock)
    with connection.cursor() as cursor:
        cursor.execute(sql, _prepared(model, equal))
        found = cursor.fetchall()
    rows = []
    for each in found:
        values = list(each)
        for place, expression, converts in converters:
            for convert in converts:
                values[place] = convert(values[place], expression, connection)
        rows.append(model.from_db(connection.alias, names, values))
    return rows


def total(model: type[Model], column: str, **equal: Any) -> int:
    """The sum of a column over rows whose columns have these values."""
    where = _where(model, tuple((name, value is None) for name, value in equal.items()))
    sql = f"SELECT COALESCE(SUM({_column(_fields(model)[column])}), 0) FROM {_table(model)} WHERE {where}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, _prepared(model, equal))
        [(found,)] = cursor.fetchall()
    return int(found)


def _prepared(model: type[Model], equal: dict[str, Any]) -> list[Any]:
    fields = _fields(model)
    return [
        fields[name].get_db_prep_value(value, connection, prepared=False)
        for name, value in equal.items()
        if value is not None
    ]


# Names of tables and columns come from the models alone; every value is a parameter.
@cache
def _fields(model: type[Model]) -> "dict[str, Field[Any, Any]]":
    return {field.attname: field for field in model._meta.concrete_fields}


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _column(field: "Field[Any, Any]") -> str:
    return connection.ops.quote_name(field.column)


@cache
def _insertion(model: type[Model]) -> "tuple[str, str, list[Field[Any, Any]]]":
    fields = [field for field in _fields(model).values() if field.get_internal_type() != "BigAutoField"]
    columns = ", ".join(_column(field) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    return f"INSERT INTO {_table(model)} ({columns}) VALUES ", f"({places})", fields  # noqa: S608


@cache
def _change(model: type[Model], names: tuple[str, ...]) -> str:
    changed = ", ".join(f"{_column(_fields(model)[name])} = %s" for name in names)
    return f"UPDATE {_table(model)} SET {changed} WHERE {_column(model._meta.pk)} = %s"  # noqa: S608


@cache
def _where(model: type[Model], equal: tuple[tuple[str, bool], ...]) -> str:
    columns = [(_column(_fields(model)[name]), missing) for name, missing in equal]
    return " AND ".join(f"{column} IS NULL" if missing else f"{column} = %s" for column, missing in columns)


@cache
def _selection(
    model: type[Model], equal: tuple[tuple[str, bool], ...], lock: bool
) -> tuple[str, list[str], list[tuple[int, Any, list[Converter]]]]:
    fields = list(_fields(model).values())
    columns = ", ".join(_column(field) for field in fields)
    ending = " FOR UPDATE" if lock and connection.features.has_select_for_update else ""
    sql = f"SELECT {columns} FROM {_table(model)} WHERE {_where(model, equal)}{ending}"  # noqa: S608
    converters = []
    for place, field in enumerate(fields):
        expression = field.get_col(model._meta.db_table)
        converts = connection.ops.get_db_converters(expression) + expression.get_db_converters(connection)
        if converts:
            converters.append((place, expression, converts))
    return sql, [field.attname for field in fields], converters
