"""A backup of the whole command database in one file, and the way back, whichever database is behind it.

Public: `back_up`, `restore`, `BackupUnusable`.

The file is gzip over JSON lines: a header, every row of every table in one consistent view, and a last line with the
number of rows and a digest over all lines before it, so that half a copy is never taken for a whole one.
"""

import gzip
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management.color import no_style
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models, transaction
from django.db.migrations.recorder import MigrationRecorder

from bff.commands.engine.identifiers import next_epoch
from bff.commands.ledger import outbox
from bff.commands.ledger.models import OutboxRow, Player, RelayState
from bff.contracts import text

FORMAT = "mullion-commands-1"
CHUNK = 500
Advance = Callable[[int], None]


class _Encoder(DjangoJSONEncoder):
    """Django's own cuts the microseconds off, and a row would come back as another."""

    def default(self, value: Any) -> Any:
        return value.isoformat() if isinstance(value, datetime) else super().default(value)


class BackupUnusable(Exception):
    """The file is no whole copy, or the database is not one to restore into; the message says which."""


def tables() -> list[type[models.Model]]:
    """Every table of the house, those that others refer to first."""
    order = [
        "Player",
        "Account",
        "Receipt",
        "Transaction",
        "Entry",
        "Charge",
        "Offer",
        "Grant",
        "DepositLimit",
        "PlayerGame",
    ]
    order += ["Withdrawal", "GameTransaction", "PrizeDay", "ProviderRequest", "OutboxRow", "RelayState", "Rebuild"]
    models = {model.__name__: model for model in apps.get_app_config("commands").get_models()}
    if set(order) != set(models):
        raise BackupUnusable(f"backups do not know these tables: {sorted(set(order) ^ set(models))}")
    return [models[name] for name in order]


def back_up(path: Path, on_total: Callable[[int], Advance]) -> int:
    """Write the copy to `path`; the number of rows. Commands go on meanwhile. `on_total` gets the total."""
    part = path.with_name(path.name + ".part")
    digest, rows = hashlib.sha256(), 0
    with _one_snapshot(), gzip.open(part, "wt", encoding="utf-8", compresslevel=5) as file:
        advance = on_total(sum(model._default_manager.count() for model in tables()))

        def write(line: dict[str, Any]) -> None:
            raw = json.dumps(line, cls=_Encoder, separators=(",", ":"))
            digest.update(raw.encode())
            file.write(raw + "\n")

        write({"format": FORMAT, "migrations": _migrations(), "made_at": datetime.now(UTC)})
        for model in tables():
            for chunk in _chunks(model):
                for row in chunk:
                    write({"table": model.__name__, "row": row})
                rows += len(chunk)
                advance(len(chunk))
        file.write(json.dumps({"rows": rows, "sha256": digest.hexdigest()}) + "\n")
    with part.open("rb") as written:
        os.fsync(written.fileno())
    part.replace(path)
    return rows


def restore(path: Path, on_total: Callable[[int], Advance]) -> int:
    """Fill an empty, migrated database from `path`; the number of rows. Raises `BackupUnusable` and leaves it empty.

    A new epoch begins, so that every player is restated to the read side, which drops what the backup does not hold.
    """
    total = _check(path)
    if Player.objects.exists() or OutboxRow.objects.exists():
        raise BackupUnusable("this database is not empty. Restore into a fresh one, so that nothing can be mixed up.")
    advance = on_total(total)
    by_name = {model.__name__: model for model in tables()}
    with transaction.atomic(), gzip.open(path, "rt", encoding="utf-8") as file:
        RelayState.objects.all().delete()
        pending: list[models.Model] = []
        for raw in file:
            line = json.loads(raw)
            if "table" not in line:
                continue
            model = by_name[line["table"]]
            if pending and (type(pending[0]) is not model or len(pending) >= CHUNK):
                _insert(pending)
                advance(len(pending))
                pending = []
            pending.append(_row(model, line["row"]))
        _insert(pending)
        advance(len(pending))
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), tables()):
                cursor.execute(statement)
        state = RelayState.objects.get(pk=1)
        RelayState.objects.filter(pk=1).update(
            epoch=next_epoch(state.epoch),
            epochs="[]",
            position=0,
            event_id="",
            others=json.dumps([[0, ""] for _ in json.loads(state.others)]),
            holder="",
            held_until=None,
            began_at=datetime.now(UTC),
        )
        outbox.reset_positions()
    return total


@contextmanager
def _one_snapshot() -> Iterator[None]:
    """Reads see one moment, and hold no command up."""
    begin = "BEGIN" if connection.vendor == "sqlite" else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    with connection.cursor() as cursor:
        cursor.execute(begin)
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def _chunks(model: type[models.Model]) -> Iterator[list[dict[str, Any]]]:
    names = [field.attname for field in model._meta.concrete_fields]
    key = model._meta.pk.attname
    rows = model._default_manager.order_by(key).values(*names)
    chunk = list(rows[:CHUNK])
    while chunk:
        yield chunk
        chunk = list(rows.filter(pk__gt=chunk[-1][key])[:CHUNK])


def _row(model: type[models.Model], values: dict[str, Any]) -> models.Model:
    fields = {field.attname: field for field in model._meta.concrete_fields}
    # Older copies may hold characters that no border lets in any more and PostgreSQL can not store.
    return model(**{name: fields[name].to_python(text.mended(value)) for name, value in values.items()})


def _insert(rows: list[models.Model]) -> None:
    type(rows[0])._default_manager.bulk_create(rows)


def _migrations() -> list[str]:
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted(name for app, name in applied if app == "commands")


def _check(path: Path) -> int:
    """The number of rows of a whole copy that this database can hold."""
    digest, rows, last, header = hashlib.sha256(), 0, None, None
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for raw in file:
                if last is not None:
                    digest.update(last.encode())
                    rows += 1
                last = raw.rstrip("\n")
                header = header or json.loads(last)
            end = json.loads(last or "{}")
    except (OSError, EOFError, ValueError) as error:
        raise BackupUnusable(f"{path} can not be read as a copy: {error}") from error
    if header is None or header.get("format") != FORMAT:
        raise BackupUnusable(f"{path} is no copy of a command database")
    if end.get("sha256") != digest.hexdigest() or end.get("rows") != rows - 1:
        raise BackupUnusable(f"{path} is damaged or cut: its contents do not match its last line")
    if header["migrations"] != _migrations():
        raise BackupUnusable(f"{path} was made at {header['migrations'][-1]}; migrate this database to that first")
    if rows == 1:
        raise BackupUnusable(f"{path} holds no row, and a ledger has at least the state of its relay")
    return rows - 1
