"""The browser search: its order, and what it says when there is none."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import chromium
from tests.support.chromium import NoChromium, Way, find

pytestmark = pytest.mark.quick


def browser(folder: Path, name: str, code: int = 0) -> Path:
    """An executable that ends with `code` when it is asked for its version."""
    path = folder / name
    path.write_text(f"#!/bin/sh\nexit {code}\n")
    path.chmod(0o755)
    return path


def way(source: str, *paths: Path, tried: list[str] | None = None) -> Way:
    def search() -> Iterator[Path]:
        if tried is not None:
            tried.append(source)
        yield from paths

    return Way(source, search)


def test_order_is_the_documented_one():
    """The environment, what is there, then what can be installed."""
    assert [way.source.split("@")[0] for way in chromium.WAYS] == [
        "$CHROMIUM",
        "Playwright's own",
        "the system's",
        "playwright install chromium",
        "apt-get install chromium-headless-shell",
        "npm's ",
    ]


def test_first_that_starts_is_taken_and_later_ways_are_not_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """One that does not start is passed over; nothing is installed once one is found."""
    monkeypatch.delenv("CHROMIUM", raising=False)
    tried: list[str] = []
    good = browser(tmp_path, "good")
    ways = [
        way("missing", tmp_path / "none", tried=tried),
        way("broken", browser(tmp_path, "broken", 127), tried=tried),
        way("good", good, tried=tried),
        way("install", tried=tried),
    ]
    assert find(ways) == chromium.Chromium(good, "good")
    assert tried == ["missing", "broken", "good"]


def test_the_shell_is_taken_before_the_whole_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Where a machine has both, the tests start the one without windows; where it has one, that one."""
    monkeypatch.setenv("PATH", str(tmp_path))
    whole = browser(tmp_path, "chromium")
    assert next(chromium._systems()) == whole
    shell = browser(tmp_path, "chromium-headless-shell")
    assert next(chromium._systems()) == shell


def test_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """$CHROMIUM is taken before anything is searched."""
    monkeypatch.setenv("CHROMIUM", str(browser(tmp_path, "mine")))
    assert find().path == tmp_path / "mine"


def test_environment_that_does_not_start_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Who names a browser wants that one, not another."""
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "none"))
    with pytest.raises(NoChromium, match=r"\$CHROMIUM is .*none.* does not start"):
        find()


def test_none_at_all_says_what_to_do(monkeypatch: pytest.MonkeyPatch):
    """The failure names the ways that were tried and the commands that help."""
    monkeypatch.delenv("CHROMIUM", raising=False)
    with pytest.raises(NoChromium, match=r"tried: one, two.*apt-get install chromium.*CHROMIUM"):
        find([way("one"), way("two")])


def test_root_has_no_sandbox(monkeypatch: pytest.MonkeyPatch):
    """Chromium's sandbox refuses root, and protects everybody else."""
    found = chromium.Chromium(Path("/usr/bin/chromium"), "the system's")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert "--no-sandbox" in found.launch_options()["args"]
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "--no-sandbox" not in found.launch_options()["args"]


def test_busy_machine_on_which_playwright_says_nothing_in_time_is_searched_further(monkeypatch: pytest.MonkeyPatch):
    """That way has no candidate; the next one may be quicker."""

    def silent(command: list[str], *, timeout: float, **more: object) -> None:
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(chromium.subprocess, "run", silent)
    assert list(chromium._playwrights_own()) == []
