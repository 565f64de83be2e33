"""The kit's wheel, built and installed as a team elsewhere would.

Public: `run`, `build_wheel`, `empty_environment`, `WHEEL_PROJECT`.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.mullion import ROOT

OF_THE_TESTS = ("DJANGO_", "PYTEST_", "PYTHON")
WHEEL_PROJECT = ROOT / "fragments" / "kit"


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """The output of `command` in an environment without the tests' packages; fails if the command does."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(OF_THE_TESTS)}
    words = [str(part) for part in command]
    done = subprocess.run(words, cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def uv() -> str:
    return shutil.which("uv") or str(Path(sys.executable).with_name("uv"))


def build_wheel(folder: Path) -> Path:
    """Builds the wheel in `folder`; returns the file."""
    run(uv(), "build", "--quiet", "--wheel", WHEEL_PROJECT, "--out-dir", folder)
    [wheel] = folder.glob("mullion_kit-*.whl")
    return wheel


def empty_environment(folder: Path, *wanted: str | Path) -> Path:
    """A fresh environment in `folder` with the packages `wanted` and their dependencies; returns its interpreter."""
    run(uv(), "venv", "--quiet", "--python", sys.executable, folder / ".venv")
    python = folder / ".venv" / "bin" / "python"
    run(uv(), "pip", "install", "--quiet", "--python", python, *wanted)
    return python
