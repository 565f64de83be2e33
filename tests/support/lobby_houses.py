"""The lobby under another server, with other fragments by data alone, over another broker.

Public: `renamed_lobby`.
"""

import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.support.kafka_mock import KafkaMock
from tests.support.manage_commands import manage_commands
from tests.support.mullion import ROOT, Mullion

RENAMED = {"wallet": "purse", "live-dealer": "studio", "promotions": "gifts", "games": "arcade"}
SCOPES = {
    "purse": ("wallet.read", "wallet.deposit"),
    "extra": ("promotions.read", "promotions.claim"),
    "arcade": ("games.read", "games.write"),
}
_GRANT = {"audience": "game:{table}", "scopes": ["games.play"]}
# The shell's own table still names fragments that nobody publishes. Its pages are published as documents, with every
# fragment under another name: one is gone from the lobby, the cashier and the table, and one that was not there before
# stands in the lobby in its place, and beside the cashier.
PAGES: tuple[dict[str, Any], ...] = (
    {
        "page": "lobby",
        "route": "/",
        "slots": {
            "wallet": {"fragment": "purse", "pathname": "/summary"},
            "tables": {"fragment": "studio", "pathname": "/grid"},
            "games": {"fragment": "arcade", "pathname": "/shelf"},
            "promotions": {"fragment": "extra", "pathname": "/offers"},
        },
    },
    {
        "page": "table",
        "route": "/tables/{table}/",
        "samples": {"table": "201"},
        "heading_hidden": True,
        "back": "All tables",
        "slots": {
            "table": {"fragment": "studio", "pathname": "/table/{table}", "primary": True},
            "slip": {"fragment": "studio", "pathname": "/slip/{table}", "grant": _GRANT},
            "bets": {"fragment": "studio", "pathname": "/bets/{table}", "grant": _GRANT},
            "wallet": {"fragment": "purse", "pathname": "/summary"},
        },
    },
    {
        "page": "cashier",
        "route": "/cashier/",
        "slots": {
            "cashier": {"fragment": "purse", "pathname": "/cashier"},
            "promotions": {"fragment": "extra", "pathname": "/offers"},
        },
    },
)


@contextmanager
def renamed_lobby(folder: Path) -> Iterator[Mullion]:
    """A whole Mullion, served by daphne, with every fragment renamed, one removed and one added, by data alone, and its
    events on Kafka."""
    root = _renamed(folder)
    with KafkaMock() as kafka, ExitStack() as stack:
        arguments, environ = ("--server", "daphne", "--broker", "kafka"), {"KAFKA_BOOTSTRAP": kafka.servers}
        mullion = stack.enter_context(Mullion(*arguments, root=root, environ=environ))
        scopes = [("fragment", "scopes", name, *each) for name, each in SCOPES.items()]
        pages = [("page", "publish", str(_written(folder, page))) for page in PAGES]
        manage_commands(mullion, *scopes, *pages, root=root)
        yield mullion


def _written(folder: Path, page: dict[str, Any]) -> Path:
    """A page's document, its layout that of the shell's own page of this name."""
    layout = tomllib.loads((ROOT / "shell" / "pages" / "templates" / f"{page['page']}.layout.toml").read_text("utf-8"))
    layout["slots"] = {name: each for name, each in layout["slots"].items() if name in page["slots"]}
    name = page["page"].capitalize()
    file = folder / f"{page['page']}.json"
    file.write_text(json.dumps({"title": name, "heading": name, **page, "layout": layout}), "utf-8")
    return file


def _renamed(folder: Path) -> Path:
    """A copy of the tree in which only fragments' house.toml files differ, and one fragment's folder."""
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in files.stdout.splitlines():
        source, target = ROOT / name, folder / name
        if source.is_file() and not name.startswith("tests/"):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
            _copy_compiled(source, target)
    for old, new in RENAMED.items():
        toml = folder / "fragments" / old.replace("-", "_") / "house.toml"
        toml.write_text(toml.read_text().replace(f'name = "{old}"', f'name = "{new}"'))
    _move(folder / "fragments" / "promotions", folder / "fragments" / "extra")
    return folder


def _copy_compiled(source: Path, target: Path) -> None:
    """What Python has compiled of it already holds for a copy of the same time: else every process compiles it anew."""
    compiled = source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc"
    if source.suffix == ".py" and compiled.is_file():
        (target.parent / "__pycache__").mkdir(exist_ok=True)
        shutil.copy2(compiled, target.parent / "__pycache__")


def _move(removed: Path, added: Path) -> None:
    """One fragment leaves, and one that nobody had heard of comes: the same app under a name and port of its own."""
    shutil.copytree(removed, added)
    shutil.rmtree(removed)
    for path in added.rglob("*"):
        if path.suffix in {".py", ".toml"}:
            text = path.read_text().replace("fragments.promotions", f"fragments.{added.name}")
            if path.name == "house.toml":
                text = text.replace('name = "gifts"', f'name = "{added.name}"').replace("port = 22", "port = 27")
            path.write_text(text)
