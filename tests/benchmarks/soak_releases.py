"""20,000 pages of two shells while a team ships: canary, promotion, rollback, hold, resume. None fails or mixes.

Run: `uv run python -m tests.benchmarks.soak_releases [--pages N]`. Exits with 1 when a page failed, showed two releases
of the fragment or changed anywhere but in its slots, or a shell was started again.
"""

import argparse
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.origin.server import Origin
from tests.shell.test_ship_alone import FOLLOWED_S_MAX, command, second_shell
from tests.support import plain_http
from tests.support.lobby import wait_for
from tests.support.slow_house import PAGES, SlowHouse

THREADS_A_SHELL = 2
VISITORS = [f"{number:032x}" for number in range(200)]
PHASES = 6
OLD, NEW, AWAY = "release one", "release two", "away"
# Two slots of the fragment that is released, so that a page could mix releases, and one slot of another fragment.
PAGE = """
[pages.shipped]
route = "/shipped/"
template = "lobby.html"
[pages.shipped.slots]
wallet = { fragment = "origin", pathname = "/one" }
tables = { fragment = "origin", pathname = "/two" }
promotions = { fragment = "poll", pathname = "/three" }
"""
_SLOT = re.compile(r'<fragment-slot slot="(?P<name>[a-z]+)"(?P<says>[^>]*)>.*?</fragment-slot>\n?', re.DOTALL)
_SAYS = re.compile(r'data-(fragment|state|reason|version)="([^"]*)"')
# Values that may differ: how long it took and when, whose page it is, and the addresses of the released fragment's
# files.
_BY_RIGHT = re.compile(
    r'data-(?:ms|as-of|retry-ms)="[^"]*"|<meta name="mullion-view"[^>]*>|<link [^>]*"/assets/origin/[^>]*>\n?'
)


@dataclass(slots=True)
class Ledger:
    """The pages by what filled the released fragment's slots, and the faults that were found."""

    shown: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    beside: dict[str, Counter[str]] = field(default_factory=dict)
    # What may be shown at this moment: a page that is fetched during a change may show either.
    allowed: frozenset[str] = frozenset({OLD})
    phase: str = "nothing"
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def pages(self) -> int:
        """How many pages were checked."""
        with self._lock:
            return self.shown.total()

    def note(self, url: str, status: int, text: str, allowed: frozenset[str]) -> str:
        """Record one page; `allowed` is what it may show, from the moment before its request."""
        slots = {found["name"]: (dict(_SAYS.findall(found["says"])), found[0]) for found in _SLOT.finditer(text)}
        filled = [self._filled(*slots[name]) for name in ("wallet", "tables") if name in slots]
        shown = filled[0] if len(set(filled)) == 1 and len(filled) == 2 else f"mixed: {filled}"
        beside = slots.get("promotions", ({"state": "missing"}, ""))[0]["state"]
        whole = status == 200 and text.rstrip().endswith("</html>") and beside == "fresh"
        rest = _SLOT.sub(lambda found: "" if 'data-fragment="origin"' in found["says"] else found[0], text)
        with self._lock:
            if not whole or shown not in allowed | self.allowed:
                may_be = sorted(allowed | self.allowed)
                self.wrong.append(f"{self.phase}: {status}, beside it {beside}, {shown} where {may_be} may be")
            self.shown[shown] += 1
            self.beside.setdefault(url, Counter())[_BY_RIGHT.sub("", rest)] += 1
        return shown

    def _filled(self, says: dict[str, str], markup: str) -> str:
        if says["state"] == "fresh":
            named = NEW if says["version"] != "1.0.0" else OLD
            return named if f"<p>{named}</p>" in markup else f"{says['version']} with another's body"
        return AWAY if says.get("reason") == "held" else f"{says['state']} ({says.get('reason')})"


class Visits:
    """Pages of many visitors from each shell, all the time."""

    def __init__(self, urls: list[str]) -> None:
        self.ledger, self._urls, self._over = Ledger(), urls, threading.Event()
        self.seen: set[str] = set()
        self._threads = [
            threading.Thread(target=self._visit, args=(url,)) for url in urls for _ in range(THREADS_A_SHELL)
        ]

    @contextmanager
    def going_on(self) -> Iterator[Ledger]:
        for thread in self._threads:
            thread.start()
        try:
            yield self.ledger
        finally:
            self._over.set()
            for thread in self._threads:
                thread.join()

    def _visit(self, url: str) -> None:
        turn = 0
        with plain_http.Client(timeout=10) as client:
            while not self._over.is_set():
                turn += 1
                self.fetch(client, url, VISITORS[turn % len(VISITORS)])

    def fetch(self, client: object, url: str, visitor: str) -> str:
        """The releases in the fragment's slots of one page."""
        allowed = self.ledger.allowed
        try:
            answer = client.get(f"{url}/shipped/", headers={"Cookie": f"visitor={visitor}"})  # type: ignore[attr-defined]
        except Exception as error:  # noqa: BLE001  whatever it is, a visitor had no page
            self.ledger.wrong.append(f"{self.ledger.phase}: {error!r}")
            return ""
        return self.ledger.note(url, answer.status_code, answer.text, allowed)

    def step(
        self,
        phase: str,
        pages: int,
        deed: Callable[[], object],
        until: frozenset[str],
        *,
        share: bool = False,
    ) -> float:
        """Do the step, wait until every shell shows it, fetch `pages` more; returns how long it took."""
        self.ledger.phase = phase
        self.ledger.allowed = self.ledger.allowed | until
        deed()
        began = time.monotonic()
        for url in self._urls:
            wait_for(lambda url=url: self._follows(url, until, share), FOLLOWED_S_MAX * 4, lambda: self.seen)  # type: ignore[misc]
        took = time.monotonic() - began
        self.ledger.allowed = until
        enough = self.ledger.pages() + pages
        wait_for(lambda: self.ledger.pages() >= enough, 600, lambda: self.ledger.shown)
        return took

    def _follows(self, url: str, until: frozenset[str], share: bool) -> bool:
        """Of a share, at least one visitor has each; everything else is the same for all visitors."""
        self.seen = set()
        with plain_http.Client(timeout=10) as client:
            for visitor in VISITORS if share else VISITORS[:5]:
                self.seen.add(self.fetch(client, url, visitor))
                if share and self.seen == until:
                    return True
        return not share and self.seen <= until


def ship(house: SlowHouse, other: str, pages: int) -> tuple[Ledger, dict[str, float]]:
    """Everything that a team and its operators do, while visitors come; returns the pages, and how long each
    step took."""
    house.origin.body, newer = (f"<section><p>{each}</p></section>".encode() for each in (OLD, NEW))
    beside, after = Origin(name="poll"), Origin(body=newer)
    for origin in (beside, after):
        house._run(origin.__aenter__())
    try:
        house.pages.write_text(PAGES + PAGE)
        house.publish(f"{beside.url}/manifest.json")
        house._run(after.fail("odd-manifest=changing", at="/manifest.json"))
        token = command(house, "token", "make", "origin", "--purpose", "operate", "--label", "ci").splitlines()[-1]
        team = {"MULLION_URL": house.url, "MULLION_TOKEN": token}
        for url in (house.url, other):
            wait_for(lambda url=url: plain_http.get(f"{url}/shipped/").text.count(f"<p>{OLD}</p>") == 2, 30)  # type: ignore[misc]
        visits, each = Visits([house.url, other]), pages // PHASES
        manifest = f"{after.url}/manifest.json"

        def do(*argv: str) -> Callable[[], object]:
            return lambda: command(house, *argv, **team)

        old, new, away = frozenset({OLD}), frozenset({NEW}), frozenset({AWAY})
        with visits.going_on() as ledger:
            canary = do("publish", manifest, "--move", "--canary", "10")
            took = {"nothing": visits.step("nothing", each, lambda: None, old)}
            took["canary"] = visits.step("canary", each, canary, old | new, share=True)
            took["promote"] = visits.step("promote", each, do("promote", "origin"), new)
            took["rollback"] = visits.step("rollback", each, do("rollback", "origin", "--reason", "drill"), old)
            took["hold"] = visits.step("hold", each, do("hold", "origin", "--reason", "drill"), away)
            took["resume"] = visits.step("resume", pages - each * (PHASES - 1), do("resume", "origin"), old)
        return ledger, took
    finally:
        for origin in (beside, after):
            house._run(origin.aclose())


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--pages", type=int, default=20_000)
    pages = options.parse_args().pages
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, SlowHouse(Path(folder)) as house, second_shell(house) as other:
        starts = house.mullion.processes()["shell"]["starts"]
        ledger, took = ship(house, other, pages)
        again = house.mullion.processes()["shell"]["starts"] - starts
    beside = {url: len(rests) for url, rests in ledger.beside.items()}
    late = {name: seconds for name, seconds in took.items() if seconds > FOLLOWED_S_MAX}
    print(f"{ledger.pages()} pages of two shells in {time.monotonic() - began:.0f} s:", dict(ledger.shown))
    print("seen everywhere after:", ", ".join(f"{name} {seconds:.1f} s" for name, seconds in took.items()))
    print(f"forms of all but the fragment's slots, a shell: {list(beside.values())}; shells started again: {again}")
    print(f"wrong: {len(ledger.wrong)}", *ledger.wrong[:20], sep="\n")
    sys.exit(bool(ledger.wrong or late or again or set(beside.values()) != {1}))


if __name__ == "__main__":
    main()
