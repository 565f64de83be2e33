"""`fragment dev` as a team runs it: a scaffolded fragment in every state, and a word changed in one of its files."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fragments.cli.scaffold.write import files_of, write
from shell.operations.workbench.states import BenchState, Cell
from tests.support import plain_http
from tests.support.free_ports import free_port
from tests.support.lobby import wait_for
from tests.support.mullion import ROOT

STATE = re.compile(r'data-state="([a-z]*)" data-reason="([a-z_]*)"')


class Dev:
    """The command, on a port of its own; its fragment is `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder, port = folder, free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "manage.py", "fragment", "dev", str(folder), "--port", str(port)]
        environ = {"PATH": os.environ["PATH"], "HOME": str(folder)}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL)

    def get(self, path: str) -> str:
        try:
            return plain_http.get(self.url + path, timeout=20).text
        except httpx.ConnectError:
            assert self.process.poll() is None, "it ended by itself"
            return ""

    def slot(self, state: BenchState) -> tuple[tuple[str, str], str]:
        """((state, reason), HTML) of the slot."""
        html = self.get(f"/slots/{Cell('poll', state=state).key}/content")
        found = STATE.search(html)
        return (found[1], found[2]) if found else ("", ""), html

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Dev]:
    write(tmp_path / "poll", files_of("poll", "python"))
    dev = Dev(tmp_path / "poll")
    yield dev
    if dev.process.poll() is None:
        dev.end()


def test_every_state_is_shown_and_a_changed_word_is_too(dev: Dev) -> None:
    """As pages would: from its own process, by the include path; a mistake is shown until it is mended."""
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
