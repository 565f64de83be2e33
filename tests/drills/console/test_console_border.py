"""Who may use the console: its own page, with the token of this run, and nobody else."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.drills.console import tester
from tests.drills.console.app import Console
from tests.drills.console.causes import may_hit
from tests.drills.console.desk import Desk
from tests.drills.console.history import History
from tests.drills.console.places import BrokenEnvironment, Places, Process
from tests.drills.console.sampler import Sample, Sampler
from tests.drills.control import CanNotRun, ControlRefused
from tests.drills.mark import name_of

PLACES = Places(8097, "the-token", "http://127.0.0.1:1", "http://localhost:8000", "browser:shell")
OWN = {"Authorization": "Bearer the-token", "Origin": "http://localhost:8097", "Sec-Fetch-Site": "same-origin"}
HOP = {"name": "shell:promotions", "speaks": ["http"], "enabled": True, "toxics": [], "connections": 2, "turns": 5}

TESTER = tester.SessionMark("a-key-for-tests-alone-0123456789-0123456789")


class FakeControl:
    """Remembers what it was asked, or refuses it."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.problem: Exception | None = None

    def break_(self, hop: str, fault: str, attributes: dict[str, Any], **more: Any) -> dict[str, Any]:
        if self.problem:
            raise self.problem
        self.calls.append((hop, fault, attributes, more))
        scope = "session" if more["session"] else "everyone"
        toxic = {
            "name": f"{fault}_x",
            "type": fault,
            "attributes": attributes,
            "scope": scope,
            "toxicity": 1,
            "number": 3,
        }
        return {**toxic, "session": more["session"]}

    def heal(self, hop: str) -> list[str]:
        self.calls.append(("heal", hop))
        return [f"{hop} latency"]


@pytest.fixture
def control() -> FakeControl:
    return FakeControl()


@pytest.fixture
async def http(control: FakeControl) -> AsyncIterator[httpx.AsyncClient]:
    history = History(may_hit)
    sampler = Sampler(PLACES, history, TESTER)
    # Pages were let into the frame by somebody who looked long ago.
    sampler.sample = Sample(
        1.0, {"shell:promotions": HOP}, {"shell:database": "no wire"}, problem="", framed_until=11.0
    )
    app = Console(PLACES, Desk(PLACES, control, sampler, history, TESTER))  # type: ignore[arg-type]
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8097") as client:
        yield client


async def test_page_itself_needs_no_token_and_holds_nothing(http: httpx.AsyncClient) -> None:
    """No script but its own, no frame but the shell's, and nobody may frame it."""
    answer = await http.get("/")
    policy = answer.headers["content-security-policy"]
    assert (answer.status_code, "the-token" in answer.text) == (200, False)
    assert "script-src 'self'" in policy
    assert "frame-src http://localhost:8000" in policy
    assert "frame-ancestors 'none'" in policy
    for path in ("/main.js", "/console.css", "/tokens.css", "/icon.svg"):
        assert (await http.get(path)).status_code == 200, path
    assert (await http.get("/app.py")).status_code == 404


@pytest.mark.parametrize("path", ["/api/system", "/api/catalogue"])
async def test_nothing_is_told_without_the_token(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(path, headers=OWN)).status_code == 200
    for bearer in ("", "Bearer ", "Bearer wrong", "the-token"):
        answer = await http.get(path, headers={**OWN, "Authorization": bearer})
        assert answer.status_code == 401
        assert "open the address that up --drills printed" in answer.json()["problem"]


async def test_lobby_is_not_framed_for_who_comes_back_before_it_is_let_in_again(http: httpx.AsyncClient) -> None:
    """A page that the browser refused to frame stays refused."""
    assert (await http.get("/api/system", headers=OWN)).json()["framed"] is False


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:8000"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "evil.example:8097"},
        {"Host": "localhost:8000"},
        {"Host": "127.0.0.1:8097"},
    ],
)
async def test_other_origins_and_names_do_nothing_even_with_the_token(
    http: httpx.AsyncClient, control: FakeControl, headers: dict[str, str]
) -> None:
    """Not the shell's own page either, which is in a frame of the console."""
    for path in ("/api/break", "/api/heal", "/api/tester"):
        assert (await http.post(path, headers={**OWN, **headers}, json={})).status_code == 403
    assert control.calls == []


async def test_who_comes_by_another_name_is_sent_to_the_right_one(http: httpx.AsyncClient) -> None:
    """To its beginning, whatever was asked for: nothing of a stranger's address comes back in a header."""
    for path in ("/", "/main.js", "/%0d%0aSet-Cookie:%20a=b"):
        answer = await http.get(path, headers={"Host": "127.0.0.1:8097"})
        assert (answer.status_code, answer.headers["location"]) == (307, "http://localhost:8097/")


async def test_break_is_done_as_the_command_does_it_and_stands_in_the_list(
    http: httpx.AsyncClient, control: FakeControl
) -> None:
    body = {"hop": "shell:promotions", "fault": "latency", "attributes": {"latency": 300}, "for_s": 5, "share": 0.5}
    assert (await http.post("/api/break", headers=OWN, json=body)).status_code == 200
    more = {"ttl_s": 5.0, "stream": "", "share": 0.5, "session": ""}
    assert control.calls == [("shell:promotions", "latency", {"latency": 300}, more)]
    assert (await http.post("/api/heal", headers=OWN, json={"hop": "shell:promotions"})).status_code == 200
    [entry] = (await http.get("/api/system", headers=OWN)).json()["history"]
    assert (entry["hop"], entry["words"], entry["how"]) == ("shell:promotions", "latency 300", "here")


async def test_fault_for_this_browser_carries_the_mark_and_the_browser_carries_it_too(
    http: httpx.AsyncClient, control: FakeControl
) -> None:
    body = {"hop": "shell:promotions", "fault": "status", "session": True}
    await http.post("/api/break", headers=OWN, json=body)
    assert control.calls[0][3]["session"] == TESTER.mark
    on = await http.post("/api/tester", headers=OWN, json={"on": True})
    cookie = on.headers["set-cookie"]
    assert cookie == f"mullion-drill={TESTER.mark}; Path=/; HttpOnly; SameSite=Lax"
    seen = await http.get("/api/system", headers={**OWN, "Cookie": f"a=b; mullion-drill={TESTER.mark}"})
    assert seen.json()["sessions"]["tester"] is True
    off = await http.post("/api/tester", headers=OWN, json={"on": False})
    assert "Max-Age=0" in off.headers["set-cookie"]


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/api/break", b"{", "no JSON"),
        ("/api/break", b"[]", "A JSON object is wanted"),
        ("/api/break", b'{"hop": 1}', "A hop, a fault and its attributes"),
        ("/api/break", b'{"hop": "a", "fault": "b", "for_s": 1e9}', "for_s: a number from 0.1 to 3600"),
        ("/api/break", b'{"hop": "a", "fault": "b", "share": true}', "share: a number from 0 to 1"),
        ("/api/break", b'{"hop": "a", "fault": "b", "stream": "sideways"}', "stream"),
        ("/api/heal", b'{"hop": 1}', "the name of a hop"),
        ("/api/tester", b"{}", "on: true or false"),
        ("/api/break", b" " * 70_000, "More than 65536 bytes"),
    ],
)
async def test_slip_is_answered_by_a_sentence(
    http: httpx.AsyncClient, control: FakeControl, path: str, body: bytes, words: str
) -> None:
    answer = await http.post(path, headers=OWN, content=body)
    assert (answer.status_code, control.calls) == (400, [])
    assert words in answer.json()["problem"]


async def test_what_the_proxy_refuses_is_handed_on_and_its_silence_too(
    http: httpx.AsyncClient, control: FakeControl
) -> None:
    body = {"hop": "shell:promotion", "fault": "latency"}
    control.problem = ControlRefused("There is no hop 'shell:promotion'. Did you mean shell:promotions?")
    refused = await http.post("/api/break", headers=OWN, json=body)
    control.problem = CanNotRun("The fault proxy does not answer.")
    silent = await http.post("/api/break", headers=OWN, json=body)
    assert (refused.status_code, silent.status_code) == (400, 503)
    assert "Did you mean shell:promotions?" in refused.json()["problem"]
    assert (await http.get("/api/else", headers=OWN)).status_code == 404


def test_mark_is_found_among_other_cookies_and_a_broken_header_marks_nobody() -> None:
    assert tester.carried("sessionid=1; mullion-drill=m.1.x") == "m.1.x"
    assert tester.carried("") == tester.carried("\x00=;;") == ""


def test_mark_is_the_same_for_hours_and_never_one_that_is_about_to_expire() -> None:
    now = [1_000_000.0]
    found = tester.SessionMark("key", lambda: now[0])
    first = found.mark
    now[0] += 6 * 3600
    assert found.mark == first
    now[0] += 3600
    assert name_of(found.mark, "key", now=now[0] + 3600) == "console"
    assert (found.mark != first, tester.SessionMark("").mark) == (True, "")


def test_environment_says_where_everything_is() -> None:
    rows = [{"name": "shell", "house": "shell", "metrics": "http://127.0.0.1:8001/metrics"}]
    environ = {"PORT": "8097", "CONSOLE_TOKEN": "t", "CONSOLE_PROXY": "http://127.0.0.1:8061"}
    found = Places.of({**environ, "CONSOLE_PROCESSES": json.dumps(rows)})
    assert found.processes == (Process("shell", "shell", "http://127.0.0.1:8001/metrics"),)
    for broken in ({"PORT": "x"}, {"CONSOLE_PROCESSES": "[1]"}, {"CONSOLE_TOKEN": ""}):
        with pytest.raises(BrokenEnvironment):
            Places.of({**environ, **broken})
