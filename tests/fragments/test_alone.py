"""Every fragment stands alone: its own folder, its own environment, nothing else of the repository on the machine."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bff.contracts import headers
from tests.support.fragments_fake_bff import FakeBff, reply, view
from tests.support.fragments_games import games_data
from tests.support.fragments_house import ROOT, Answer, Fragment, bearer
from tests.support.fragments_samples import offers, tables, wallet_data

SHARED_ROOMS = ("bff/contracts", "bff/resilience", "fragments/kit")
FOREIGN = ("redis", "channels", "turbohtml", "psycopg", "mangum", "playwright")
CASES = [
    ("wallet", "wallet", "/summary", "€1,284"),
    ("live_dealer", "live-dealer", "/grid", "Harbour Roulette"),
    ("promotions", "promotions", "/offers", "Rainy Day Reload"),
    ("games", "games", "/catalogue", "Lantern Falls"),
]


def run(*command: str | Path) -> str:
    done = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]} {command[1]}: {done.stderr[-2000:]}"
    return done.stdout


def install(extra: str, folder: Path) -> Path:
    """A fresh environment with what `extra` names, in the lock's versions; its interpreter."""
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    wanted = folder / "requirements.txt"
    wanted.write_text(
        run(uv, "export", "--frozen", "--quiet", "--no-dev", "--no-hashes", "--no-emit-project", "--extra", extra)
    )
    run(uv, "venv", "--quiet", "--python", sys.executable, folder / ".venv")
    python = folder / ".venv/bin/python"
    run(uv, "pip", "install", "--quiet", "--no-deps", "--python", python, "-r", wanted)
    return python


def settled(fragment: Fragment, path: str, name: str) -> Answer:
    """The answer at `path` once the process is warm: its first call to a BFF may come late on a busy machine."""
    for _ in range(20):
        answer = fragment.get(path, authorization=bearer(name), podium_locale="en-GB")
        if headers.STATE not in answer.headers:
            return answer
        time.sleep(0.25)
    return answer


@pytest.mark.parametrize(("room", "extra", "path", "words"), CASES)
def test_fragment_serves_with_the_rest_of_the_repository_absent(
    tmp_path: Path, room: str, extra: str, path: str, words: str
) -> None:
    """Copied with the kit and two leaf libraries, installed from its extra alone, a fragment renders its page."""
    for shared in (*SHARED_ROOMS, f"fragments/{room}"):
        shutil.copytree(ROOT / shared, tmp_path / shared, ignore=shutil.ignore_patterns("__pycache__"))
    python = install(extra, tmp_path)
    with FakeBff() as bff:
        bff.replies["/views/wallet"] = reply(view(wallet_data()))
        bff.replies["/views/tables"] = reply(view({"tables": tables()}))
        bff.replies["/views/promotions"] = reply(view(offers()))
        bff.replies["/views/games"] = reply(view(games_data()))
        with Fragment(room, bff.url, python=str(python), folder=tmp_path) as fragment:
            answer = settled(fragment, path, extra)
            assert (answer.status, words in answer.text) == (200, True), answer
            assert fragment.get("/manifest.json").status == 200
    installed = {entry.name.lower() for entry in (tmp_path / ".venv").glob("lib/*/site-packages/*")}
    assert not installed & set(FOREIGN)
