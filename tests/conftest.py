"""What tests of several rooms share: the browser, Valkey, PostgreSQL, and a whole Mullion.

Each is found or started once per run, and each fails with a sentence that says what to do: nothing is skipped.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from hypothesis import settings

from tests import chromium as chromium_search
from tests import postgres_server
from tests.chromium import Chromium, NoChromium
from tests.mullion import Mullion
from tests.postgres_server import PostgresServer
from tests.valkey_server import ValkeyServer

# The same inputs in every run of CI, new ones in every other: what must pass again is not the place to find things.
settings.register_profile("ci", derandomize=True, print_blob=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

BROWSER_FIXTURES = {
    "playwright",
    "browser_type",
    "launch_browser",
    "browser",
    "context",
    "new_context",
    "page",
    "chromium",
}
FOUND = pytest.StashKey[dict[str, object]]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with a browser run last: Playwright's loop stays in the thread, and no asyncio test can run beside it."""
    items.sort(key=lambda item: _needs(item, BROWSER_FIXTURES))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Get what has to be installed before the first test, outside any test's time limit and in sight."""
    found = session.config.stash.setdefault(FOUND, {})
    if session.config.option.collectonly:
        return
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    say = terminal.write_line if terminal else print
    if any(_needs(item, BROWSER_FIXTURES) for item in session.items):
        found["chromium"] = _try(lambda: chromium_search.find(say=say), NoChromium)
    if any(_needs(item, {"postgres"}) for item in session.items):
        found["postgres"] = _try(postgres_server.find_binaries, RuntimeError)


def _needs(item: pytest.Item, fixtures: set[str]) -> bool:
    return bool(fixtures & set(getattr(item, "fixturenames", ())))


def _try(get: Callable[[], object], refusal: type[Exception]) -> object:
    try:
        return get()
    except refusal as error:
        return error


def _found(request: pytest.FixtureRequest, name: str) -> object:
    found = request.config.stash[FOUND][name]
    if isinstance(found, Exception):
        pytest.fail(str(found), pytrace=False)
    return found


@pytest.fixture(scope="session")
def chromium(request: pytest.FixtureRequest) -> Chromium:
    """A Chromium that starts on this machine."""
    found = _found(request, "chromium")
    assert isinstance(found, Chromium)
    return found


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, object], chromium: Chromium) -> dict[str, object]:
    """pytest-playwright launches the Chromium that was found."""
    return {**browser_type_launch_args, **chromium.launch_options()}


@pytest.fixture(scope="session")
def _valkey_of_the_run() -> Iterator[ValkeyServer]:
    with ValkeyServer() as server:
        yield server


@pytest.fixture
def valkey(_valkey_of_the_run: ValkeyServer) -> ValkeyServer:
    """An empty Valkey that others use before and after: not to be killed."""
    _valkey_of_the_run.flush()
    return _valkey_of_the_run


@pytest.fixture
def new_valkey() -> Iterator[Callable[[], ValkeyServer]]:
    """Makes Valkeys that the test may hang, kill and start again."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(ValkeyServer())


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """A PostgreSQL of this run; `url(name)` makes an empty database of that name."""
    _found(request, "postgres")
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def _mullion_of_the_run() -> Iterator[Mullion]:
    with Mullion() as mullion:
        yield mullion


@pytest.fixture
def house(_mullion_of_the_run: Mullion) -> Iterator[Mullion]:
    """A whole Mullion with fresh data. What a test breaks is set right after it, and takes that test's time."""
    yield _mullion_of_the_run
    _mullion_of_the_run.restore()
