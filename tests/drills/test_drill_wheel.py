"""The pytest plugin as a QA team installs it: from its wheel, in an environment that holds nothing else."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drills.kit import client as kit
from tests.drills.proxy_process import ProxyProcess

KIT = Path(kit.__file__).parent
TEST = """\
import httpx
import pytest

TOXICS = "{url}/proxies/shell:live-dealer/toxics"


@pytest.mark.drill("live-hang")
def test_drill_of_the_mark_is_on(drill):
    [toxic] = httpx.get(TOXICS).json()
    assert (toxic["type"], toxic["ttl_s"]) == ("timeout", 15)
    assert "tables" in drill.expect.slots


def test_drill_of_another_test_is_over():
    assert httpx.get(TOXICS).json() == []
"""


@pytest.fixture(scope="module")
def proxy() -> Iterator[ProxyProcess]:
    with ProxyProcess() as process:
        yield process


def run(command: list[str], folder: Path, seconds: float = 120) -> str:
    """What it says; it must not fail. Nothing of this repository's environment is there."""
    ours = ("PYTEST_", "DJANGO_", "VIRTUAL_ENV", "PYTHONPATH", "UV_PROJECT", "COVERAGE", "COV_")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    ran = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=seconds)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.full
@pytest.mark.timeout(300)
def test_wheel_of_the_plugin_plays_a_drill_that_ships_in_an_empty_environment(
    proxy: ProxyProcess, tmp_path: Path
) -> None:
    uv = shutil.which("uv")
    assert uv is not None, "uv builds the wheel: https://docs.astral.sh/uv/"
    run([uv, "build", "-q", "--wheel", str(KIT), "--out-dir", str(tmp_path / "dist")], tmp_path)
    [wheel] = (tmp_path / "dist").glob("*.whl")
    run([uv, "venv", "-q", "env"], tmp_path)
    python = str(tmp_path / "env" / "bin" / "python")
    run([uv, "pip", "install", "-q", "--python", python, str(wheel)], tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "test_it.py").write_text(TEST.format(url=proxy.url), "utf-8")

    proxy.api.post("/proxies", json={"name": "shell:live-dealer", "upstream": proxy.upstream})
    command = [python, "-m", "pytest", "-q", "--strict-markers", "--drill-control-url", proxy.url]
    assert "2 passed" in run(command, tmp_path / "empty")
