"""Valkey hangs, thaws, is flushed and killed while a signed-in player loads pages: whole, in time, signed in."""

import json
import re
import socket
import time
from datetime import UTC, datetime

import httpx
import pytest
from django.core import signing

from shell.players.identity import _SALT
from shell.settings import PLAYER_COOKIE_AGE_S
from tests.support.lobby import SLOTS, wait_for, whole
from tests.support.mullion import Mullion
from tests.support.signed_in import signed_in

pytestmark = pytest.mark.timeout(180)
PAGE_S_MAX = 4.0  # the page's deadline four times: the machine may be busy
HEALED_S_MAX = 30
# How long a number may still be called fresh after what it comes from has gone silent.
FRESH_S_MAX = 15
# Between two pages of a player who looks again and again: a test of what they see, and no load.
PAUSE_S = 0.3
_SLOT = re.compile(
    r'<fragment-slot slot="(\w+)"[^>]*data-state="(\w+)" data-reason="(\w*)"[^>]*? data-as-of="([^"]*)"', re.DOTALL
)
_NAME = '<span class="player">amber</span>'


class Player:
    """amber's browser. Her player cookie is past its minute at every page, so that each has to look her session up."""

    def __init__(self, house: Mullion) -> None:
        self.house = house
        self.client = httpx.Client(base_url=house.url, timeout=60)
        self.client.cookies.update(signed_in(house.url))
        key = json.loads((house.data / "secrets.json").read_text())["shell/SHELL_SECRET_KEY"]
        self._signer = signing.Signer(key=key, salt=_SALT)
        self.slots: dict[str, tuple[str, str, str]] = {}

    def load(self) -> None:
        """One page, which is looked at as a player would."""
        [cookie] = [each for each in self.client.cookies.jar if each.name == "player"]
        cookie.value = self._before_the_last_minute(cookie.value or "")
        began = time.monotonic()
        answer = self.client.get("/")
        took_s = time.monotonic() - began
        assert answer.status_code == 200
        assert whole(answer.text)
        assert _NAME in answer.text, "still signed in"
        assert took_s < PAGE_S_MAX
        self.slots = {name: found for name, *found in _SLOT.findall(answer.text)}
        assert set(self.slots) == set(SLOTS)
        for state, reason, as_of in self.slots.values():
            if state == "fresh":
                assert (datetime.now(UTC) - datetime.fromisoformat(as_of)).total_seconds() < FRESH_S_MAX
            else:
                assert reason, "what is not fresh says why"

    def _before_the_last_minute(self, cookie: str) -> str:
        """The same cookie as the shell would have stamped it before the last minute began."""
        _, fields = json.loads(signing.b64_decode(self._signer.unsign(cookie).encode()))
        stamped_at = int(time.time()) - PLAYER_COOKIE_AGE_S - 5
        return self._signer.sign(signing.b64_encode(json.dumps([stamped_at, fields]).encode()).decode())

    def load_until(self, holds: str, within_s: float) -> None:
        """Pages, until each of their slots is `fresh`, or each says that it is `old`."""

        def seen() -> bool:
            self.load()
            return all((state == "fresh") is (holds == "fresh") for state, _, _ in self.slots.values())

        wait_for(seen, within_s, lambda: self.slots, PAUSE_S)

    def load_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.load()
            time.sleep(PAUSE_S)


def flush(house: Mullion) -> None:
    """Valkey forgets everything: sessions, copies, views."""
    port = house.processes()["valkey"]["port"]
    with socket.create_connection(("127.0.0.1", port), timeout=5) as admin:
        admin.sendall(b"FLUSHALL\r\n")
        assert admin.recv(64).startswith(b"+OK")


def test_signed_in_player_loads_pages_while_valkey_hangs_thaws_is_flushed_and_killed(house: Mullion) -> None:
    """The name stands in the header past the cookie's minute; what can not be read says how old it is, and heals."""
    player = Player(house)
    player.load_until("fresh", HEALED_S_MAX)

    house.hang("valkey")
    player.load_until("old", 2 * FRESH_S_MAX)
    player.load_for(2)
    house.resume("valkey")
    player.load_until("fresh", HEALED_S_MAX)

    flush(house)
    player.load_for(2)
    player.load_until("fresh", HEALED_S_MAX)

    starts = house.processes()["valkey"]["starts"]
    house.kill("valkey")
    player.load_for(2)
    house.wait(lambda: house.processes()["valkey"]["starts"] > starts)
    player.load_until("fresh", HEALED_S_MAX)
