"""Finds changes of a migration that break the previous release, which still reads and writes the tables. No database is
used.

Public: `Migrations`, `migrations_of`, `breaks`.

Tables before and after are compared, not operations' names: a renamed field that keeps its column changes nothing. Data
steps (`RunPython`, `RunSQL`) are not checked.
"""

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db.migrations import Migration
from django.db.migrations.state import ModelState, ProjectState
from django.db.models import CheckConstraint, Field, UniqueConstraint

from tests.support.mullion import ROOT

# On a migration: {table, table.column or constraint: the first release that does without it, or obeys it}.
SAFE_SINCE = "safe_since"
Version = tuple[int, ...]


@dataclass(frozen=True)
class Column:
    type: str
    length: int | None
    # Whether an insert may omit the column.
    optional: bool
    null: bool


@dataclass(frozen=True)
class Table:
    columns: Mapping[str, Column]
    constraints: Mapping[str, object]


Shape = Mapping[str, Table]


@dataclass
class Migrations:
    """The migrations of one app, in order."""

    app: str
    steps: list[Migration] = field(default_factory=list)


def migrations_of(folder: Path) -> Migrations:
    """Those of `folder`, which lies in the repository."""
    found = Migrations(folder.parent.name)
    package = ".".join(folder.relative_to(ROOT).parts)
    for path in sorted(folder.glob("0*.py")):
        module = importlib.import_module(f"{package}.{path.stem}")
        found.steps.append(module.Migration(path.stem, found.app))
    return found


def breaks(migrations: Migrations, version: Version) -> Iterator[tuple[str, str]]:
    """(migration, what breaks the previous release). Something may be removed, or checked more strictly, if the
    migration declares that releases older than `version` already do without it, or already obey it."""
    state = ProjectState()
    shape: Shape = {}
    for migration in migrations.steps:
        state = migration.mutate_state(state)
        after = {_table_name(model): _table(model) for model in state.models.values()}
        safe = {
            name for name, last in getattr(migration, SAFE_SINCE, {}).items() if _version(last) < version[: len(last)]
        }
        yield from ((migration.name, what) for what in _broken(shape, after, safe))
        shape = after


def _version(text: str) -> Version:
    return tuple(int(part) for part in text.split("."))


def _table_name(model: ModelState) -> str:
    return str(model.options.get("db_table") or f"{model.app_label}_{model.name.lower()}")


def _table(model: ModelState) -> Table:
    columns = {}
    for name, each in model.fields.items():
        if not each.many_to_many:
            default = each.db_column or (f"{name}_id" if each.is_relation else name)
            columns[default] = _column(each)
    constraints = {
        each.name: each.deconstruct()
        for each in model.options.get("constraints", ())
        if isinstance(each, CheckConstraint | UniqueConstraint)
    }
    together = {f"unique_together {sorted(each)}": each for each in model.options.get("unique_together") or ()}
    return Table(columns, constraints | together)


def _column(of: "Field[Any, Any]") -> Column:
    made_by_database = of.get_internal_type().endswith("AutoField")
    return Column(of.get_internal_type(), of.max_length, of.null or of.has_db_default() or made_by_database, of.null)


def _broken(before: Shape, after: Shape, safe: set[str]) -> Iterator[str]:
    for name, table in before.items():
        if name not in after:
            if name not in safe:
                yield f"table {name} is gone"
            continue
        for column, was in table.columns.items():
            found = after[name].columns.get(column)
            if found is None:
                if f"{name}.{column}" not in safe:
                    yield f"column {name}.{column} is gone"
            else:
                yield from _narrower(f"column {name}.{column}", was, found)
        for column in after[name].columns.keys() - table.columns.keys():
            if not after[name].columns[column].optional:
                yield f"column {name}.{column} has to be given by whoever inserts: null=True or db_default"
        for constraint, rule in after[name].constraints.items():
            if table.constraints.get(constraint) != rule and constraint not in safe:
                yield f"constraint {constraint} on {name} is checked of rows that the release before writes"


def _narrower(name: str, was: Column, found: Column) -> Iterator[str]:
    if found.type != was.type:
        yield f"{name} is of another type: {was.type}, {found.type}"
    elif found.length is not None and (was.length is None or found.length < was.length):
        yield f"{name} holds less: {was.length}, {found.length}"
    if (was.null and not found.null) or (was.optional and not found.optional):
        yield f"{name} has to be given by whoever inserts"
