"""The pytest plugin: outages and slots in your own tests, with pytest-playwright and any base address.

Public fixtures: `outage`, `slots`, `drill_client`, `drill`; the mark `@pytest.mark.drill("live-hang")`.

    def test_wallet_does_not_notice(page, outage, slots):
        outage("promotions", latency=3000, for_s=30)
        page.goto("/")
        slots.promotions.should_be("fallback")
        slots.wallet.should_be("fresh")

Everything that a test breaks is healed when it ends, and heals by itself after `for_s` whatever happens.
"""

import fnmatch
import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .client import DrillClient, DrillProblem, Value, attributes_of, hop_of
from .drill import Drill
from .loader import DrillFileWrong, load

CONTROL_URL = "http://127.0.0.1:8061"
TARGETS = ["http://localhost:*", "http://127.0.0.1:*"]
WITHIN_S = 10.0
COOKIE = "mullion-drill"
# In the installed package, and in the repository.
STORIES = (Path(__file__).parent / "stories", Path(__file__).parents[1] / "files" / "stories")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("drills", "outages of a Mullion that runs with drills")
    group.addoption("--drill-control-url", default=os.environ.get("DRILL_CONTROL_URL", CONTROL_URL), metavar="URL")
    group.addoption("--drill-mark", default=os.environ.get("DRILL_MARK", ""), metavar="MARK")
    parser.addini("drill_targets", "base addresses that may be drilled; a star for any port", "linelist", TARGETS)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "drill(name): the faults of this drill, by name or file, while the test runs")


class Outages:
    """`outage("promotions", latency=3000, for_s=30)`; all outages end with the test."""

    def __init__(self, client: DrillClient, mark: str, add_mark: Callable[[str], None]) -> None:
        self._client, self._mark, self._add_mark = client, mark, add_mark
        self._on: list[tuple[str, str]] = []
        self._timers: list[threading.Timer] = []

    def __call__(self, hop: str, *, for_s: float = 30, scope: str = "everyone", **faults: Value) -> None:
        """Break `hop`, or the hop from the shell to a fragment. `scope="session"`: for this test's browser only."""
        if not faults:
            raise DrillProblem("An outage has a fault: latency=3000, status=503, down=True.")
        session = self._session() if scope == "session" else ""
        for fault, value in faults.items():
            self._put_on(hop_of(hop), fault, attributes_of(fault, value), for_s, session)

    def heal(self) -> None:
        """Heal at once; it is no error if a fault has ended already."""
        for timer in self._timers:
            timer.cancel()
            timer.join()
        for hop, toxic in reversed(self._on):
            self._client.heal(hop, toxic)
        self._on.clear()

    def play(self, drill: Drill) -> None:
        """Set the faults of a drill's method, each at its time."""
        for step in drill.method:
            if step.hop is None or step.follows or "*" in step.hop:
                raise DrillProblem(f"“{drill.title}” does more than break hops: run it with manage.py drill run.")
        for step in drill.method:
            session = self._session() if drill.scope_of(step) == "session" else ""
            arguments = (step.hop or "", step.fault, dict(step.parameters), step.for_s, session)
            if step.after_s:
                self._timers.append(threading.Timer(step.after_s, self._put_on, arguments))
                self._timers[-1].start()
            else:
                self._put_on(*arguments)

    def _put_on(self, hop: str, fault: str, attributes: dict[str, int | str], for_s: float, session: str) -> None:
        self._on.append((hop, self._client.break_(hop, fault, attributes, for_s=for_s, session=session)))

    def _session(self) -> str:
        if not self._mark:
            raise DrillProblem('For one session: pytest --drill-mark "$(uv run manage.py drill mark)"')
        self._add_mark(self._mark)
        return self._mark


class SlotOnPage:
    """One slot of the page under test."""

    def __init__(self, page: Any, name: str) -> None:
        self._page, self.name = page, name

    @property
    def locator(self) -> Any:
        return self._page.locator(f"fragment-slot[slot={self.name}]")

    def should_be(self, *states: str, reason: str = "", within_s: float = WITHIN_S) -> None:
        """The slot is, or becomes in time, one of these states (`data-state`), with this reason (`data-reason`) if
        given."""
        self._has("data-state", states, within_s)
        if reason:
            self._has("data-reason", (reason,), within_s)

    def should_say(self, words: str, within_s: float = WITHIN_S) -> None:
        """The slot shows these words."""
        from playwright.sync_api import expect

        expect(self.locator).to_contain_text(words, timeout=within_s * 1000)

    def _has(self, attribute: str, values: tuple[str, ...], within_s: float) -> None:
        from playwright.sync_api import expect

        wanted = re.compile(f"^({'|'.join(map(re.escape, values))})$")
        expect(self.locator).to_have_attribute(attribute, wanted, timeout=within_s * 1000)


class Slots:
    """`slots.wallet.should_be("fresh")`; `slots["wallet"]` for a name that is no Python name."""

    def __init__(self, page: Any) -> None:
        self._page = page

    def __getattr__(self, name: str) -> SlotOnPage:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> SlotOnPage:
        return SlotOnPage(self._page, name)


@pytest.fixture(scope="session")
def drill_client(request: pytest.FixtureRequest) -> Iterator[DrillClient]:
    """The fault proxy at `--drill-control-url`."""
    client = DrillClient(request.config.getoption("--drill-control-url"))
    yield client
    client.close()


@pytest.fixture
def outage(request: pytest.FixtureRequest, drill_client: DrillClient) -> Iterator[Outages]:
    """Breaks a hop until the test ends."""
    _check_target(request)
    outages = Outages(drill_client, request.config.getoption("--drill-mark"), lambda mark: _add_cookie(request, mark))
    yield outages
    outages.heal()


@pytest.fixture
def slots(page: Any) -> Slots:
    """The slots of pytest-playwright's `page`."""
    return Slots(page)


@pytest.fixture
def drill(request: pytest.FixtureRequest) -> Drill | None:
    """The drill that the test's mark names; None without one."""
    marker = request.node.get_closest_marker("drill")
    return _find(marker.args[0]) if marker else None


@pytest.fixture(autouse=True)
def _drill_of_the_mark(request: pytest.FixtureRequest) -> None:
    marker = request.node.get_closest_marker("drill")
    if marker is not None:
        request.getfixturevalue("outage").play(request.getfixturevalue("drill"))


def _find(name: str) -> Drill:
    files = [Path(name), *(folder / f"{name}.yaml" for folder in STORIES)]
    file = next((file for file in files if file.is_file()), None)
    try:
        if file is not None:
            return load(file)
    except DrillFileWrong as problem:
        raise pytest.UsageError(str(problem)) from problem
    there = sorted({each.stem for folder in STORIES for each in folder.glob("*.yaml")})
    raise pytest.UsageError(f"There is no drill '{name}'; there are {', '.join(there)}, and files.")


def _check_target(request: pytest.FixtureRequest) -> None:
    """Nothing is broken at a base address that is not listed: it may have real players."""
    url = str(request.getfixturevalue("base_url") if "base_url" in request.fixturenames else "")
    allowed = request.config.getini("drill_targets")
    if url and not any(fnmatch.fnmatchcase(url.rstrip("/"), each) for each in allowed):
        raise pytest.UsageError(
            f"{url} is not among drill_targets ({', '.join(allowed)}) of the pytest configuration, as players may be "
            "there: whoever answers for it adds it"
        )


def _add_cookie(request: pytest.FixtureRequest, mark: str) -> None:
    url = str(request.getfixturevalue("base_url"))
    request.getfixturevalue("context").add_cookies([{"name": COOKIE, "value": mark, "url": url}])
