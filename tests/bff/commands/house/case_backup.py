"""A backup holds every row once, goes back into an empty database, and is refused where it is not whole or not ours."""

import gzip
import hashlib
import io
import json
import secrets
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from bff.commands.ledger import append_only, audit, backup
from bff.commands.ledger.models import OutboxRow, Player, RelayState
from bff.commands.management.commands.seed_demo import open_balance

ROWS_FEW = 3  # in place of `backup.CHUNK`, so that a table of a few rows is read and written in several chunks


@contextmanager
def emptied():
    """A database without any row, as after `migrate` alone; it is as before at the end of the block."""
    with transaction.atomic(), connection.cursor() as cursor:
        editor = SimpleNamespace(connection=connection, execute=cursor.execute)
        append_only.unprotect_against_bypass(None, editor)
        append_only.unprotect_entries(None, editor)
        for model in reversed(backup.tables()):
            cursor.execute(f"DELETE FROM {model._meta.db_table}")
        RelayState.objects.create(epoch="0", began_at=datetime.now(UTC))
        yield
        transaction.set_rollback(True)


def rows_of(models):
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in models}


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A backup of the ledger, in which a player has money."""
    monkeypatch.setattr(backup, "CHUNK", ROWS_FEW)
    open_balance(f"pl_{secrets.token_hex(5)}", "GBP", 4000)
    path = tmp_path / "copy.jsonl.gz"
    out = io.StringIO()
    call_command("backup_commands", path, stdout=out)
    assert f"rows are in {path}." in out.getvalue()
    return path


def written(path, *lines):
    """A complete backup of these lines: its last line matches them."""
    raw = [json.dumps(line) for line in lines]
    end = {"rows": len(lines) - 1, "sha256": hashlib.sha256("".join(raw).encode()).hexdigest()}
    path.write_bytes(gzip.compress("\n".join([*raw, json.dumps(end)]).encode()))


def test_all_rows_come_back_and_an_epoch_begins(copy):
    """Every table is as it was, to the microsecond; what has not gone out waits for a position; the books are sound."""
    of_ledger = [model for model in backup.tables() if model not in (OutboxRow, RelayState)]
    before, events, epoch = rows_of(of_ledger), OutboxRow.objects.count(), RelayState.objects.get(pk=1).epoch
    totals, done = [], []

    def on_total(total):
        totals.append(total)
        return done.append

    with emptied():
        assert backup.restore(copy, on_total) == sum(done) == totals[0]
        assert max(done) == ROWS_FEW
        assert rows_of(of_ledger) == before
        assert OutboxRow.objects.count() == events
        assert not OutboxRow.objects.filter(published_at=None, position__isnull=False).exists()
        state = RelayState.objects.get()
        assert (state.epoch > epoch, state.position, state.event_id, state.holder) == (True, 0, "", "")
        assert audit.findings() == []
    assert rows_of(of_ledger) == before


@pytest.mark.parametrize("damage", ["cut", "changed", "torn", "other", "empty"])
def test_damaged_copies_are_refused(copy, damage):
    """Half a copy, a changed one and something else are told apart from a whole one."""
    packed = copy.read_bytes()
    whole = gzip.decompress(packed)
    damaged = {
        "cut": gzip.compress(whole[: len(whole) // 2].rpartition(b"\n")[0] + b"\n"),
        "changed": gzip.compress(whole.replace(b'"amount_minor":4000', b'"amount_minor":9000', 1)),
        "torn": packed[:-20],
        "other": b"not a copy",
        "empty": gzip.compress(b""),
    }
    copy.write_bytes(damaged[damage])
    with pytest.raises(CommandError, match=r"damaged|can not be read|no copy"):
        call_command("restore_commands", copy)


def test_copy_of_another_release_of_the_ledger_is_refused(copy):
    """It says to which migration the database has to be brought first."""
    written(copy, {"format": backup.FORMAT, "migrations": ["0001_initial"]}, {"table": "Player", "row": {}})
    with pytest.raises(CommandError, match="was made at 0001_initial; migrate this database to that first"):
        call_command("restore_commands", copy)


def test_copy_without_a_row_is_refused(copy):
    """A ledger has at least the state of its relay, so such a file was never one."""
    written(copy, {"format": backup.FORMAT, "migrations": backup._migrations()})
    with pytest.raises(CommandError, match="holds no row"):
        call_command("restore_commands", copy)


def test_copy_is_not_mixed_into_a_ledger_that_has_players(copy):
    """Nothing of it is written."""
    before = Player.objects.count()
    with pytest.raises(CommandError, match="not empty"):
        call_command("restore_commands", copy)
    assert Player.objects.count() == before


def test_copy_that_can_not_be_written_is_one_sentence(tmp_path):
    """No folder of that name is made."""
    with pytest.raises(CommandError, match="The copy could not be written"):
        call_command("backup_commands", tmp_path / "missing" / "copy.gz")
    assert list(tmp_path.iterdir()) == []


def test_table_that_backups_do_not_know_stops_them(monkeypatch):
    """A table that is added and forgotten here would be missing from every copy."""
    house = backup.apps.get_app_config("commands")
    monkeypatch.setattr(house, "get_models", lambda: [Player])
    with pytest.raises(backup.BackupUnusable, match=r"do not know these tables: \['Account'"):
        backup.tables()
