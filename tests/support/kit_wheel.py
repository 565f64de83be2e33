"""The kit's wheel, built and installed as a team elsewhere would.

Public: `build_wheel`, `empty_environment`, `WHEEL_PROJECT`.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.mullion import ROOT

WHEEL_PROJECT = ROOT / "fragments" / "kit"


def run(*command: str | Path, cwd: Path = ROOT, **more: str) -> str:
    """What `command` prints; an assertion with its complaint where it fails."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stdout[-1000:]}{done.stderr[-2000:]}"
    return str(done.stdout)


def uv() -> str:
    return shutil.which("uv") or str(Path(sys.executable).with_name("uv"))


def build_wheel(folder: Path) -> Path:
    """The wheel, in `folder`."""
    run(uv(), "build", "--quiet", "--wheel", WHEEL_PROJECT, "--out-dir", folder)
    [wheel] = folder.glob("mullion_kit-*.whl")
    return wheel


def empty_environment(folder: Path, *wanted: str | Path) -> Path:
    """A fresh environment in `folder` with `wanted` and what these need; its interpreter."""
    run(uv(), "venv", "--quiet", "--python", sys.executable, folder / ".venv")
    python = folder / ".venv" / "bin" / "python"
    run(uv(), "pip", "install", "--quiet", "--python", python, *wanted)
    return python
