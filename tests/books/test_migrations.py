"""An upgrade runs over two releases at once, so a migration leaves the release before it able to read and write."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from django.db import migrations, models
from django.db.migrations import Migration

from tests.support.migration_shapes import Migrations, breaks, migrations_of
from tests.support.mullion import ROOT

pytestmark = pytest.mark.quick

FOLDERS = sorted(path for room in ("bff", "shell", "fragments") for path in (ROOT / room).rglob("migrations"))
# The last ones of before any release was published: whoever installs one gets all of these at once.
FIRST_RELEASE = {"commands": "0010_providers", "players": "0002_sessions_end", "registry": "0017_registration_shown"}
VERSION = tuple(
    int(part) for part in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"].split(".")
)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_release_before_an_upgrade_works_on_over_what_its_migrations_make(folder: Path) -> None:
    """They add; what is needed of them besides is taken in two releases (shell/operations/deploy/README.md)."""
    found = migrations_of(folder)
    assert found.steps, "a folder of migrations without one"
    broken = [each for each in breaks(found, VERSION) if each[0] > FIRST_RELEASE.get(found.app, "")]
    assert broken == []


BEFORE = migrations.CreateModel(
    "Bet",
    [
        ("id", models.BigAutoField(primary_key=True)),
        ("stake", models.IntegerField()),
        ("table", models.CharField(max_length=20)),
        ("note", models.TextField(null=True)),
        ("state", models.CharField(max_length=9, db_default="open")),
    ],
)
TWO = models.UniqueConstraint(fields=["table", "stake"], name="once")


def broken_by(*operations: Any, version: tuple[int, ...] = (0, 2, 0), **safe: dict[str, str]) -> list[str]:
    step = type("Step", (Migration,), {"operations": [*operations], **safe})("0002", "game")
    first = type("First", (Migration,), {"operations": [BEFORE]})("0001", "game")
    return [what for _, what in breaks(Migrations("game", [first, step]), version)]


@pytest.mark.parametrize(
    "operation",
    [
        migrations.CreateModel(
            "Win", [("id", models.BigAutoField(primary_key=True)), ("minor", models.IntegerField())]
        ),
        migrations.AddField("bet", "odds", models.IntegerField(null=True)),
        migrations.AddField("bet", "kind", models.CharField(max_length=9, default="", db_default="")),
        migrations.AddField("bet", "friends", models.ManyToManyField("game.Bet")),
        migrations.AlterField("bet", "table", models.CharField(max_length=40)),
        migrations.AlterField("bet", "stake", models.IntegerField(null=True)),
        migrations.AlterField("bet", "stake", models.IntegerField(db_default=0)),
        migrations.AddIndex("bet", models.Index(fields=["table"], name="by_table")),
        migrations.RunPython(migrations.RunPython.noop),
    ],
    ids=lambda operation: operation.describe(),
)
def test_what_the_release_before_does_not_notice_is_allowed(operation: Any) -> None:
    assert broken_by(operation) == []


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (migrations.DeleteModel("Bet"), "table game_bet is gone"),
        (migrations.RenameModel("Bet", "Stake"), "table game_bet is gone"),
        (migrations.AlterModelTable("bet", "bets"), "table game_bet is gone"),
        (migrations.RemoveField("bet", "note"), "column game_bet.note is gone"),
        (migrations.RenameField("bet", "note", "remark"), "column game_bet.note is gone"),
        (migrations.AddField("bet", "odds", models.IntegerField()), "column game_bet.odds has to be given"),
        (migrations.AddField("bet", "odds", models.IntegerField(default=2)), "column game_bet.odds has to be given"),
        (migrations.AlterField("bet", "note", models.TextField()), "column game_bet.note has to be given"),
        (migrations.AlterField("bet", "state", models.CharField(max_length=9)), "column game_bet.state has to be"),
        (migrations.AlterField("bet", "table", models.CharField(max_length=5)), "column game_bet.table holds less"),
        (migrations.AlterField("bet", "stake", models.TextField()), "column game_bet.stake is of another type"),
        (migrations.AddConstraint("bet", TWO), "constraint once on game_bet is checked of rows"),
        (migrations.AlterUniqueTogether("bet", {("table", "stake")}), "constraint unique_together"),
    ],
    ids=lambda value: value.describe() if hasattr(value, "describe") else "",
)
def test_what_the_release_before_would_fail_at_is_named(operation: Any, words: str) -> None:
    [what] = broken_by(operation)
    assert what.startswith(words)


def test_field_is_renamed_while_its_column_stays() -> None:
    """Django alone knows of it."""
    keep = migrations.AlterField("bet", "note", models.TextField(null=True, db_column="note"))
    assert broken_by(keep, migrations.RenameField("bet", "note", "remark")) == []


def test_what_no_running_release_reads_may_go() -> None:
    """A migration names the first release that did without it; that one has to be older than this."""
    remove = migrations.RemoveField("bet", "note")
    assert broken_by(remove, version=(0, 3, 0), safe_since={"game_bet.note": "0.2.0"}) == []
    assert broken_by(remove, version=(0, 2, 0), safe_since={"game_bet.note": "0.2.0"}) == [
        "column game_bet.note is gone"
    ]
    assert broken_by(migrations.DeleteModel("Bet"), safe_since={"game_bet": "0.1.0"}) == []


def test_constraint_that_the_release_before_obeys_may_be_checked() -> None:
    """Of a new table at once; of one that exists, as soon as nobody writes what it refuses."""
    add = migrations.AddConstraint("bet", TWO)
    assert broken_by(add, safe_since={"once": "0.1.0"}) == []
    win = migrations.CreateModel(
        "Win", [("id", models.BigAutoField(primary_key=True)), ("minor", models.IntegerField())]
    )
    rule = models.UniqueConstraint(fields=["minor"], name="win_once")
    assert broken_by(win, migrations.AddConstraint("win", rule)) == []
