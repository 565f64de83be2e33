"""`fragment dev` as a team runs it: a scaffolded fragment in every state, before and after a file changes."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from fragments.cli.scaffold.write import files_of, write
from shell.operations.workbench.states import BenchState, Cell
from tests.support.bench import Dev
from tests.support.lobby import wait_for


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Dev]:
    write(tmp_path / "poll", files_of("poll", "python"))
    dev = Dev(tmp_path / "poll")
    yield dev
    if dev.process.poll() is None:
        dev.end()


def test_every_state_is_shown_and_a_changed_word_is_too(dev: Dev) -> None:
    """The fragment's own process answers through the include path; an error is shown until the file is corrected."""
    wait_for(lambda: dev.slot(BenchState.FRESH)[0] == ("fresh", ""), 60)
    assert dev.slot(BenchState.DEGRADED)[0] == ("degraded", "feed_stale")
    assert dev.slot(BenchState.FEED_DOWN)[0] == ("degraded", "feed_down")
    assert dev.slot(BenchState.GONE)[0] == ("fallback", "connect")
    assert dev.slot(BenchState.STALE)[0] == ("stale", "connect")
    assert "Donaudampf" in dev.slot(BenchState.HUGE_NAMES)[1]
    # The BFF is late: who waits no longer, the fragment or the page, depends on how busy this machine is.
    assert dev.slot(BenchState.SLOW)[0] in {("degraded", "timeout"), ("stale", "timeout")}
    assert '<html dir="rtl"' in dev.get(f"/cells/{Cell('poll', direction='rtl').key}/")
    assert "/themes/light.css" in dev.get(f"/cells/{Cell('poll').key}/?theme=light")
    assert "/themes/" not in dev.get(f"/cells/{Cell('poll').key}/?theme=%22")
    assert "--m-bg" in dev.get("/themes/light.css")
    assert "A page shows it" in dev.get("/?width=390&theme=light")
    assert dev.get("/gallery/").count("<iframe") == (len(BenchState) + 2) * 6  # three widths, two themes

    words = dev.folder / "poll" / "display.py"
    right = words.read_text("utf-8")
    words.write_text(right.replace("tables are open", "tables wait for you"), "utf-8")
    wait_for(lambda: "2 tables wait for you" in dev.slot(BenchState.FRESH)[1], 60)
    words.write_text(right + "(", "utf-8")
    wait_for(lambda: "SyntaxError" in dev.get("/"), 60)
    words.write_text(right, "utf-8")
    wait_for(lambda: "2 tables are open" in dev.slot(BenchState.FRESH)[1], 60)
    assert dev.end() in (0, -signal.SIGINT)
