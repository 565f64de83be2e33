"""The real houses under `up`: all of them stand, are looked at, and leave nothing behind."""

import json
import re
import socket
import urllib.request
from pathlib import Path

from shell.operations.up import find
from tests.support.mullion import ROOT, Mullion
from tests.support.up_remains import left_of


def test_every_process_of_every_house_is_ready(house: Mullion, record_property):
    """All answer, each under its own settings; how long it took is in the report."""
    names = {process.name for each in find.houses(ROOT) for process in each.processes} | {"valkey"}
    rows = house.processes()
    assert {name for name, row in rows.items() if row["state"] == "ready"} == names
    assert len({row["pid"] for row in rows.values()}) == len(names)
    print(f"ready in {house.ready_s():.1f} s")
    record_property("ready_s", house.ready_s())


def test_page_of_the_moment_in_which_it_stands_has_what_was_published(house: Mullion):
    """Whoever follows the block at once sees what those who come later see, and no place that waits for a release."""
    assert house.first_page.count("<fragment-slot ") >= 3
    assert "not_published" not in house.first_page


def test_block_says_where_to_go(house: Mullion):
    """Lobby, status board, sign-in and how to stop stand in one block, and the addresses work."""
    block = house.output().partition("Mullion stands")[2]
    assert f"{house.url}/\n" in block
    assert f"{house.inner_url}/operations/" in block
    assert re.search(r"amber.* birch.* cedar.* mullion-demo", block)
    assert "Ctrl-C" in block
    assert house.get("/")[0] == 200
    assert house.inside("/operations/")[0] == 200
    assert house.get("/sign-in/")[0] == 200


UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)


def refused(port: int, lines: str) -> int:
    """The status that a request with these lines gets."""
    with socket.create_connection(("127.0.0.1", port), 5) as line:
        line.sendall(f"GET /nothing HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode())
        return int(line.recv(1000).split()[1])


def test_every_process_refuses_what_no_honest_client_sends(house: Mullion):
    """Served in one way, none takes two hosts, a head of 200 KB, or a socket where it serves none."""
    for name, row in house.processes().items():
        if name != "valkey":
            large = f"X: {'a' * 200_000}\r\n"
            statuses = [refused(row["port"], lines) for lines in ("Host: localhost\r\n", large, UPGRADE)]
            assert statuses == [400, 431, 403], name


def test_every_process_that_serves_has_a_door(house: Mullion):
    """What asks for the metrics passes it, and so counts as under way. Providers of the sandbox are somebody else's."""
    ports = {
        process.name: house.port_base + (process.port if process.inner is None else process.inner)
        for each in find.houses(ROOT)
        for process in each.processes
        if process.asgi and each.name != "sandbox"
    }
    assert len(ports) >= 8
    for name, port in ports.items():
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            assert re.search(r"(?m)^mullion_door_in_flight [1-9]", answer.read().decode()), name


def test_each_fragment_is_published(house: Mullion):
    """Every process with `publish` in its house.toml has a live release."""
    fragments = {
        process.name: process.publish for each in find.houses(ROOT) for process in each.processes if process.publish
    }
    output = "\n".join(house.logs("publish"))
    assert len(fragments) >= 3
    for name, path in fragments.items():
        with urllib.request.urlopen(house.url_of(name) + path) as answer:
            assert re.search(rf"published {re.escape(json.load(answer)['name'])} ", output)


def test_fragment_houses_have_no_database():
    """A fragment needs no DATABASES: its settings name none."""
    settings = [ROOT / (each.settings.replace(".", "/") + ".py") for each in find.houses(ROOT)]
    fragments = [path for path in settings if path.is_relative_to(ROOT / "fragments")]
    assert len(fragments) >= 3
    assert [path for path in fragments if "DATABASES" in Path(path).read_text("utf-8")] == []


def test_kill_9_of_the_whole_house_leaves_nothing(house_to_end: Mullion):
    """Not one of its processes is there seconds after the supervisor was killed."""
    house = house_to_end
    assert len(left_of(house)) >= len(house.processes())
    house.process.kill()
    house.wait(lambda: not left_of(house))
