"""A process that is ended under load finishes its requests: no page meets a cut connection, no deposit is lost."""

import os
import re
import signal
import socket
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from fragments.kit.unanswered import parse_unanswered
from tests.support import plain_http
from tests.support.lobby import wait_for, whole
from tests.support.mullion import Mullion
from tests.support.signed_in import signed_in

pytestmark = pytest.mark.timeout(180)
VISITORS, DEPOSITORS = 3, 2
ENOUGH = 6
# The pause between two requests of a window leaves a core for the successor to start on.
PAUSE_S = 0.1
# How long a press may take to the engine, through shell and wallet, on a busy machine: a later one may be refused.
REACHING_S_MAX = 3.0
DEPOSIT = "/slots/cashier/cashier/actions/deposit"
_SLOT = re.compile(r'<fragment-slot slot="(\w+)"[^>]*data-state="(\w+)" data-reason="(\w*)"')
_RECEIPT = re.compile(r"receipt=([^#&]+)")
# Processes that call others, and so log how their calls ended.
CALLERS = ("shell", "wallet", "live-dealer", "games", "promotions")


@dataclass
class Load:
    """What players met, each with its moment: slots of pages as (state, reason), and deposits by key, with the moments
    at which they were sent and answered."""

    pages: Counter[str] = field(default_factory=Counter)
    slots: list[tuple[float, str, str, str]] = field(default_factory=list)
    deposits: list[tuple[float, float, str, str]] = field(default_factory=list)

    def done(self) -> list[str]:
        return [key for *_, key, ended in self.deposits if ended == "done"]

    def enough(self) -> tuple[int, int]:
        return self.pages["whole"], len(self.done())


@contextmanager
def loaded(url: str, cookies: httpx.Cookies) -> Iterator[Load]:
    """A signed-in player reloads the lobby and deposits, in several windows at once, all the time."""
    load, over = Load(), threading.Event()

    def visit() -> None:
        with plain_http.Client(base_url=url, cookies=cookies, timeout=60) as client:
            while not over.is_set():
                text = client.get("/").text
                load.pages["whole" if whole(text) else "broken"] += 1
                load.slots += [(time.monotonic(), *slot) for slot in _SLOT.findall(text)]
                time.sleep(PAUSE_S)

    def pay_in() -> None:
        with plain_http.Client(base_url=url, cookies=cookies, timeout=60, headers={"Origin": url}) as client:
            while not over.is_set():
                key, sent_at = uuid4().hex, time.monotonic()
                ended = deposited(client, key)
                load.deposits.append((sent_at, time.monotonic(), key, ended))
                time.sleep(PAUSE_S)

    windows = [threading.Thread(target=visit) for _ in range(VISITORS)]
    windows += [threading.Thread(target=pay_in) for _ in range(DEPOSITORS)]
    for window in windows:
        window.start()
    try:
        wait_for(lambda: min(load.enough()) >= ENOUGH, 60, lambda: (load.pages, load.deposits[-3:]))
        yield load
    finally:
        over.set()
        for window in windows:
            window.join()


def deposited(client: httpx.Client, key: str) -> str:
    """How one deposit ended for the player: `done` with a receipt, `unknown` if the engine's answer was lost and the
    page goes on asking for it, or the status of the error page."""
    answer = client.post(DEPOSIT, data={"amount": "5", "idempotency_key": key})
    if answer.status_code != 303:
        return str(answer.status_code)
    receipt = _RECEIPT.search(answer.headers["location"])
    if receipt is None or parse_unanswered(receipt[1]):
        return "unknown"
    return "done"


def open_until(port: int) -> float:
    """When the process at `port` last accepted a connection; waits until it accepts none."""
    let_in_at = time.monotonic()
    while True:
        tried_at = time.monotonic()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return let_in_at
        let_in_at = tried_at
        time.sleep(0.01)


def cut_calls(house: Mullion, *, without: str) -> Counter[str]:
    """Guarded calls that ended because a connection did, by process (`without` the restarted one) and upstream."""
    found: Counter[str] = Counter()
    for process in set(CALLERS) - {without}:
        url = house.inner_url if process == "shell" else house.url_of(process)
        text = plain_http.get(f"{url}/metrics").text
        for upstream, count in re.findall(r'^mullion_calls_total{outcome="cut",upstream="([^"]+)"} (\S+)', text, re.M):
            found[f"{process} -> {upstream}"] = int(float(count))
    return found


def gone(pid: int) -> bool:
    """Whether the process has ended, reaped or not."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    return True


def in_the_ledger(house: Mullion, keys: list[str]) -> Counter[int]:
    """The number of keys by how many movements of the ledger they have."""
    with sqlite3.connect(f"file:{house.data}/commands.sqlite3?mode=ro", uri=True) as ledger:
        rows = ledger.execute(
            "select receipt.key, count(movement.transaction_id) from commands_receipt receipt "
            "left join commands_transaction movement using (receipt_id) where receipt.key is not null group by 1"
        )
        times = dict(rows.fetchall())
    return Counter(next((count for label, count in times.items() if label.endswith(key)), 0) for key in keys)


@pytest.mark.parametrize(
    "process",
    [
        "wallet",
        "bff-commands",
        pytest.param("live-dealer", marks=pytest.mark.full),
        pytest.param("bff-queries", marks=pytest.mark.full),
    ],
)
def test_ended_part_finishes_what_it_began(house: Mullion, process: str) -> None:
    """Until the process ends everything succeeds; after that slots show their own words; each deposit counts once."""
    cookies = signed_in(house.url)
    before = cut_calls(house, without=process)
    with loaded(house.url, cookies) as load:
        starts, pid = house.processes()[process]["starts"], house.pid(process)
        os.kill(pid, signal.SIGTERM)
        door_shut_at = open_until(house.processes()[process]["port"])
        wait_for(lambda: gone(pid))
        cut = cut_calls(house, without=process) - before
        house.wait(lambda: house.processes()[process]["starts"] > starts)
        house.wait_state(process, "ready")
        pages, deposits = load.enough()
        wait_for(lambda: load.enough() >= (pages + ENOUGH, deposits + 1), 60, lambda: load.deposits[-3:])
    assert set(load.pages) == {"whole"}
    assert cut == Counter()
    assert [slot for slot in load.slots if slot[3] == "cut"] == []
    assert [slot for slot in load.slots if slot[0] < door_shut_at and slot[3] == "connect"] == []
    there_by_then = door_shut_at - REACHING_S_MAX
    # An answer that was only late, on a busy machine, was not cut.
    ended_by_then = {
        ended
        for sent_at, answered_at, _, ended in load.deposits
        if sent_at < there_by_then or answered_at < door_shut_at
    }
    assert ended_by_then <= {"done", "unknown"}
    with plain_http.Client(base_url=house.url, cookies=cookies, timeout=60, headers={"Origin": house.url}) as client:
        again = [key for *_, key, ended in load.deposits if ended != "done"]
        wait_for(lambda: all(deposited(client, key) == "done" for key in again))
    keys = [key for *_, key, _ in load.deposits]
    wait_for(lambda: set(in_the_ledger(house, keys)) == {1}, describe=lambda: in_the_ledger(house, keys))
