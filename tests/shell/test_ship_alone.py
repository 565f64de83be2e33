"""A team ships its fragment alone to two real shells, under load: a trial, a promotion, a rollback, with one token."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from bff.contracts.manifest import parse
from shell.composition.release import Canary, Release
from shell.operations.up.house import embedded_valkey
from tests.origin.server import Origin
from tests.support import plain_http
from tests.support.free_ports import free_port
from tests.support.lobby import wait_for
from tests.support.mullion import ROOT
from tests.support.slow_house import SlowHouse

pytestmark = pytest.mark.timeout(180)
# What is promised for two shells; one follows within a second.
FOLLOWED_S_MAX = 5
VISITORS = [f"{number:032x}" for number in range(30)]
PAUSE_S = 0.15
_DRAWN = re.compile(
    r'<fragment-slot slot="[a-z]+"[^>]*data-prefix="[^"~]*(?:~([0-9a-f]{12})[^"]*)?"[^>]*data-state="fresh"'
)
_REASON = re.compile(r'<fragment-slot [^>]*data-reason="([a-z_-]+)"')


@contextmanager
def second_shell(house: SlowHouse) -> Iterator[str]:
    """Another process of the same shell: its database, Redis and key, and a port of its own. Its address."""
    with open(f"/proc/{house.mullion.pid('shell')}/environ", encoding="utf-8") as file:
        environ = dict(line.split("=", 1) for line in file.read().split("\0") if "=" in line)
    port = free_port()
    environ = {name: value for name, value in environ.items() if name not in ("INNER_PORT", "LISTEN_FD")}
    process = subprocess.Popen(
        [sys.executable, "-m", "bff.resilience.serving", "shell.asgi:application"],
        cwd=ROOT,
        env=environ | {"PORT": str(port)},
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: _answers(f"{url}/healthz"))
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)


def _answers(url: str) -> bool:
    try:
        return bool(plain_http.get(url).status_code == 200)
    except httpx.TransportError:  # it does not listen yet, or was cut while it starts
        return False


class Pages:
    """Pages of many visitors from every shell, all the time, and which release drew each."""

    def __init__(self, urls: list[str]) -> None:
        self.urls = urls
        self.ended: Counter[str] = Counter()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._visit, args=(url,)) for url in urls]

    def __enter__(self) -> "Pages":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def drawn_by(self, url: str, visitor: str) -> str:
        """The release of a page: the beginning of its digest, or nothing where addresses name none."""
        with plain_http.Client(cookies={"visitor": visitor}) as client:
            return self._look(client, url)

    def _look(self, client: object, url: str) -> str:
        answer = client.get(url, timeout=10)  # type: ignore[attr-defined]
        drawn = _DRAWN.findall(answer.text)
        if answer.status_code != 200 or len(drawn) != 3:
            reasons = set(_REASON.findall(answer.text))
            # On a machine that others use up any slot may miss its deadline: that is no doing of a release.
            late = answer.status_code == 200 and bool(reasons) and reasons <= {"timeout", "connect_timeout"}
            self.ended["late" if late else f"failed: {answer.status_code}, {len(drawn)} fresh slots, {reasons}"] += 1
        else:
            self.ended["mixed" if len(set(drawn)) > 1 else "whole"] += 1
        return drawn[0] if drawn else "?"

    def _visit(self, url: str) -> None:
        turn = 0
        while not self._over.is_set():
            turn += 1
            try:
                self.drawn_by(url, VISITORS[turn % len(VISITORS)])
            except Exception as error:  # noqa: BLE001  whatever it is, a visitor had no page
                self.ended[f"failed: {error!r}"] += 1
            time.sleep(PAUSE_S)

    def everywhere(self, holds: Callable[[str], bool]) -> float:
        """Seconds until `holds` of a page of each shell."""
        return wait_for(lambda: all(holds(self.drawn_by(url, VISITORS[0])) for url in self.urls), FOLLOWED_S_MAX + 5)


def command(house: SlowHouse, *argv: str, verb: str = "fragment", **environ: str) -> str:
    """What `manage.py fragment`, or another `verb`, prints: here, or elsewhere where `environ` names the shell."""
    redis = {"REDIS_URL": embedded_valkey(house.mullion.port_base)}
    here = {"DEBUG": "1", "MULLION_DATA": str(house.mullion.data), "SHELL_PAGES": str(house.pages), **redis}
    here = {} if environ else here
    run = subprocess.run(
        [sys.executable, "manage.py", verb, *argv],
        cwd=ROOT,
        env={"PATH": os.environ.get("PATH", ""), **here, **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_release_is_tried_promoted_and_rolled_back_under_load(releasing: SlowHouse) -> None:
    """Every visitor gets one release from both shells, each step is everywhere in seconds, no page fails or mixes."""
    shared = command(releasing, "token", "make", "origin", "--purpose", "publish", "--label", "ci").splitlines()[-1]
    team = {"MULLION_URL": releasing.url, "MULLION_TOKEN": shared}
    newer = Origin(body=b"<section><h2>Origin</h2><p>Release two.</p></section>")
    releasing._run(newer.__aenter__())
    releasing._run(newer.fail("odd-manifest=changing", at="/manifest.json"))
    try:
        with second_shell(releasing) as other, Pages([releasing.url, other]) as pages:
            manifest = f"{newer.url}/manifest.json"
            done = json.loads(command(releasing, "publish", manifest, "--move", "--canary", "30", "--json", **team))
            digest = done["digest"]
            pages.everywhere(lambda drawn: drawn != "")
            trial = Canary(_nothing_of(digest), 3000, f"origin/{digest}/".encode())
            for url in pages.urls:
                drawn = {visitor: pages.drawn_by(url, visitor) == digest[:12] for visitor in VISITORS}
                assert drawn == {visitor: trial.takes(visitor) for visitor in VISITORS}
            assert 0 < sum(drawn.values()) < len(VISITORS)
            command(releasing, "promote", "origin", **team)
            assert pages.everywhere(lambda drawn: drawn == digest[:12]) <= FOLLOWED_S_MAX
            command(releasing, "rollback", "origin", "--reason", "drill", **team)
            assert pages.everywhere(lambda drawn: drawn != digest[:12]) <= FOLLOWED_S_MAX
            enough = pages.ended["whole"] + 20
            wait_for(lambda: pages.ended["whole"] > enough)
            url, headers = f"{other}/registry/v1/fragments/origin/outcomes", {"Authorization": f"Bearer {shared}"}
            wait_for(lambda: plain_http.get(url, headers=headers, timeout=30).json()["processes"] == 2, every_s=0.6)
        assert pages.ended.keys() <= {"whole", "late"}, pages.ended
        assert pages.ended["late"] <= pages.ended["whole"] / 20, pages.ended
        actions = [line["action"] for line in json.loads(command(releasing, "audit", "origin", "--json", **team))]
        assert actions[:4] == ["rolled_back", "promoted", "canary", "token_made"]
    finally:
        releasing._run(newer.aclose())


def test_release_that_fails_is_rolled_back_by_itself(releasing: SlowHouse) -> None:
    """Nobody does anything: its own figures beside those of what is live end its trial, and say why."""
    newer = Origin()
    releasing._run(newer.__aenter__())
    releasing._run(newer.fail("odd-manifest=changing", at="/manifest.json"))
    try:
        command(releasing, "publish", f"{newer.url}/manifest.json", "--move", "--canary", "50")
        for path in ("/one", "/two", "/three"):
            releasing._run(newer.fail("status=500", at=path))
        pages = Pages([releasing.url])
        pages.everywhere(lambda drawn: drawn != "")
        turns = iter(range(2000))

        def ended() -> bool:
            visitor = VISITORS[next(turns) % len(VISITORS)]
            with plain_http.Client(cookies={"visitor": visitor}) as client:
                return "~" not in client.get(releasing.url, timeout=10).text

        wait_for(ended, 60, every_s=0.01)
        last = json.loads(command(releasing, "audit", "origin", "--limit", "1", "--json"))[0]
        assert (last["actor"], last["action"]) == ("analysis", "canary_rolled_back")
        assert "outcomes failed, beside 0.0%" in last["detail"]
    finally:
        releasing._run(newer.aclose())


def _nothing_of(digest: str) -> Release:
    manifest = parse(b'{"name": "origin", "version": "1", "content": "/"}')
    return Release("origin", digest, manifest, "http://127.0.0.1/manifest.json", b"", css=(), js=())
