"""The command as a wheel: it needs only httpx, and works without this repository."""

import ast
import os
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fragments.cli.main import main
from shell.registry import tokens
from shell.registry.tokens import Purpose
from tests.support.kit_wheel import empty_environment, run, uv
from tests.support.mullion import ROOT

ROOM = ROOT / "fragments" / "cli"


@pytest.mark.quick
def test_command_imports_httpx_and_nothing_else_that_is_installed() -> None:
    """A team with a JavaScript fragment should not have to install Django for it."""
    imported = set()
    for path in ROOM.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {each.name.partition(".")[0] for each in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(".".join(node.module.split(".")[:2]))
    foreign = {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names}
    assert foreign == {"fragments.cli", "httpx"}
    project = tomllib.loads((ROOM / "pyproject.toml").read_text("utf-8"))["project"]
    assert [each.partition(">")[0] for each in project["dependencies"]] == ["httpx"]


@pytest.mark.quick
def test_command_says_what_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    """With `--help`, and after an unknown verb."""
    assert main(["--help"]) == 0
    assert "mullion fragment VERB" in capsys.readouterr().out
    assert main(["fragments"]) == 2
    assert "mullion page VERB" in capsys.readouterr().err
    for room in ("fragment", "page"):
        with pytest.raises(SystemExit) as ended:
            main([room, "--help"])
        assert ended.value.code == 0
        assert f"usage: mullion {room}" in capsys.readouterr().out


@pytest.mark.full
@pytest.mark.timeout(300)
@pytest.mark.django_db(transaction=True)
def test_installed_command_works_against_a_live_shell(tmp_path: Path, live_server: Any) -> None:
    """In an empty environment it needs only a token and the shell's address."""
    run(uv(), "build", "--quiet", "--wheel", ROOM, "--out-dir", tmp_path)
    [wheel] = tmp_path.glob("mullion_cli-*.whl")
    command = empty_environment(tmp_path, wheel).with_name("mullion")
    held = tokens.make_token("poll", Purpose.READ, name="ci", days=1, actor="ops", now=datetime.now(UTC)).token
    environ = {"PATH": os.environ["PATH"], "MULLION_URL": live_server.url, "MULLION_TOKEN": held}

    def mullion(*argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([command, *argv], env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    listed = mullion("fragment", "list")
    assert (listed.returncode, listed.stdout) == (0, "nothing is live\n"), listed.stderr
    audited = mullion("fragment", "audit", "poll")
    assert "token_made" in audited.stdout
    refused = mullion("fragment", "show", "wallet")
    assert (refused.returncode, refused.stderr.startswith("fragment show: 403")) == (1, True)
    assert mullion("page", "list").stdout == "there is no page\n"
    made = mullion("fragment", "new", "daily-quiz", "--language", "node", "--in", str(tmp_path))
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "daily-quiz" / "package.json").exists()
