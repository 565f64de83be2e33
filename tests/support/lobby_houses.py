"""The lobby under another server, and with other fragments by data alone.

Public: `renamed_lobby`.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.mullion import ROOT, Mullion

RENAMED = {"wallet": "purse", "live-dealer": "studio", "promotions": "gifts"}
# The lobby with every fragment under another name: the offers are gone from the cashier, and a second shelf of offers,
# served by a fragment that was not there before, stands in the lobby under the name of the first.
PAGES = """
[fragments.purse]
scopes = ["wallet.read", "wallet.deposit"]
[fragments.studio]
[fragments.extra]
scopes = ["promotions.read", "promotions.claim"]
[pages.lobby]
route = "/"
template = "lobby.html"
[pages.lobby.slots]
wallet = { fragment = "purse", pathname = "/summary" }
tables = { fragment = "studio", pathname = "/grid" }
promotions = { fragment = "extra", pathname = "/offers" }
[pages.table]
route = "/tables/{table}/"
template = "table.html"
[pages.table.slots]
table = { fragment = "studio", pathname = "/table/{table}", primary = true }
wallet = { fragment = "purse", pathname = "/summary" }
[pages.table.slots.slip]
fragment = "studio"
pathname = "/slip/{table}"
grant = { audience = "game:{table}", scopes = ["games.play"] }
[pages.table.slots.bets]
fragment = "studio"
pathname = "/bets/{table}"
grant = { audience = "game:{table}", scopes = ["games.play"] }
[pages.cashier]
route = "/cashier/"
template = "cashier.html"
[pages.cashier.slots]
cashier = { fragment = "purse", pathname = "/cashier" }
promotions = { fragment = "extra", pathname = "/offers" }
"""


@contextmanager
def renamed_lobby(folder: Path) -> Iterator[Mullion]:
    """A whole Mullion, served by daphne, with every fragment renamed, one removed and one added."""
    with Mullion("--server", "daphne", root=_renamed(folder)) as mullion:
        yield mullion


def _renamed(folder: Path) -> Path:
    """A copy of the tree in which only house.toml files and the pages table differ, and one fragment's folder."""
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
    (folder / "shell" / "pages" / "pages.toml").write_text(PAGES)
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
