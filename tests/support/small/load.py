"""Players who use `small` all the time: they open the lobby and deposit, and press again until they have an answer.

Public: `Load`, `loaded`.
"""

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import httpx

from tests.support import plain_http
from tests.support.lobby import PASSWORD, whole
from tests.support.small.installation import Small

DEPOSIT = "/slots/cashier/cashier/actions/deposit"
AMOUNT = "5"
VISITORS, DEPOSITORS = 2, 2
# The pause between two requests of a window leaves a core for processes that are restarted.
PAUSE_S = 0.15
ANSWER_S_MAX = 30
_SLOT = re.compile(r'<fragment-slot slot="(\w+)"[^>]*data-state="(\w+)" data-reason="(\w*)"')


@dataclass
class Load:
    """`pages` counts whole pages and why others were not; `slots` counts (slot, state, reason).

    A page that was shed because the machine is too busy says so and reloads itself: `shed`.
    """

    pages: Counter[str] = field(default_factory=Counter)
    slots: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    # Deposits by key: how often the player pressed until it was done.
    deposits: dict[str, int] = field(default_factory=dict)
    pressed: set[str] = field(default_factory=set)
    over: threading.Event = field(default_factory=threading.Event)
    windows: list[threading.Thread] = field(default_factory=list)

    def stop(self) -> None:
        """End the load; every deposit has its answer then."""
        self.over.set()
        for window in self.windows:
            window.join()

    @property
    def failed(self) -> dict[str, int]:
        return {what: count for what, count in self.pages.items() if what not in ("whole", "shed")}


def cookies_of(small: Small, name: str) -> str:
    """A signed-in player's `Cookie` header. The cookies are for TLS only, which ends before this test."""
    with plain_http.Client(base_url=small.url, timeout=ANSWER_S_MAX, headers=small.headers) as client:
        form = client.get("/sign-in/")
        jar = dict(_cookies(form))
        [token] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)
        fields = {"username": name, "password": PASSWORD, "csrfmiddlewaretoken": token, "next": "/"}
        answer = client.post("/sign-in/", data=fields, headers={"Cookie": _header(jar), "Origin": small.origin})
        assert answer.status_code == 302, (answer.status_code, answer.text[:500])
        return _header(jar | dict(_cookies(answer)))


def _cookies(answer: httpx.Response) -> Iterator[tuple[str, str]]:
    for line in answer.headers.get_list("set-cookie"):
        name, _, value = line.partition(";")[0].partition("=")
        yield name, value


def _header(jar: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in jar.items())


@contextmanager
def loaded(small: Small) -> Iterator[Load]:
    """Visitors and one signed-in player load the lobby; the player deposits from several windows."""
    load, cookie = Load(), cookies_of(small, "amber")
    signed_in = {**small.headers, "Cookie": cookie, "Origin": small.origin}
    windows = [threading.Thread(target=_visit, args=(small, load, small.headers))]
    windows += [threading.Thread(target=_visit, args=(small, load, signed_in)) for _ in range(VISITORS)]
    windows += [threading.Thread(target=_pay_in, args=(small, load, signed_in)) for _ in range(DEPOSITORS)]
    load.windows = windows
    for window in windows:
        window.start()
    try:
        yield load
    finally:
        load.stop()


def _visit(small: Small, load: Load, headers: dict[str, str]) -> None:
    with plain_http.Client(base_url=small.url, timeout=ANSWER_S_MAX, headers=headers) as client:
        while not load.over.is_set():
            load.pages[_page(client, load)] += 1
            time.sleep(PAUSE_S)


def _page(client: httpx.Client, load: Load) -> str:
    try:
        answer = client.get("/")
    except httpx.HTTPError as error:
        return type(error).__name__
    if answer.status_code == 503 and "retry-after" in answer.headers:
        time.sleep(float(answer.headers["retry-after"]))
        return "shed"
    if answer.status_code != 200 or not whole(answer.text):
        return f"{answer.status_code}, not whole"
    load.slots.update(_SLOT.findall(answer.text))
    return "whole"


def _pay_in(small: Small, load: Load, headers: dict[str, str]) -> None:
    """A deposit that was begun is pressed until its end even after the load is over, so that no outcome is unknown."""
    with plain_http.Client(base_url=small.url, timeout=ANSWER_S_MAX, headers=headers) as client:
        while not load.over.is_set():
            key = uuid4().hex
            load.pressed.add(key)
            presses = 1
            while not _paid(client, key):
                presses += 1
                time.sleep(PAUSE_S)
            load.deposits[key] = presses
            time.sleep(PAUSE_S)


def _paid(client: httpx.Client, key: str) -> bool:
    try:
        answer = client.post(DEPOSIT, data={"amount": AMOUNT, "idempotency_key": key})
    except httpx.HTTPError:
        return False
    return answer.status_code == 303 and "receipt=" in answer.headers["location"]
