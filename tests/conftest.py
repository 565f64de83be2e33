"""What tests of several rooms share: the browser, Valkey, PostgreSQL, and a whole Mullion.

Each is found or started once per run, and each fails with a sentence that says what to do: nothing is skipped.
"""

import gc
import os
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import structlog
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, Page, expect
from xdist import is_xdist_controller, is_xdist_worker
from xdist.remote import Producer
from xdist.workermanage import WorkerController

from tests.support import chromium as chromium_search
from tests.support import made_once, postgres_server
from tests.support.chromium import Chromium, NoChromium
from tests.support.groups import BROWSER_FOLDER, WORKERS, Groups
from tests.support.lobby import PATIENT_S, wait_for
from tests.support.mullion import Mullion
from tests.support.podium.rig import NoPodium, Podium
from tests.support.postgres_server import NoPostgres, PostgresServer
from tests.support.rewritten import rewrite
from tests.support.slow_house import SlowHouse
from tests.support.standing import Standing
from tests.support.valkey_server import ValkeyServer

# Machines that are images often forbid it: then each of some hundred processes compiles the same modules anew, and each
# worker of pytest rewrites the assertions of all tests.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# What is imported and collected stays to the end: to go through it again and again takes a third of the collection.
gc.disable()

# How long an example takes says how busy the machine is. The same inputs in every run of CI, new ones in every other:
# what must pass again is not the place to find things.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("here"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

TESTS = Path(__file__).parent
BROWSER_FIXTURES = {
    "playwright",
    "browser_type",
    "launch_browser",
    "browser",
    "context",
    "new_context",
    "page",
    "reused_page",
    "chromium",
}
# How the code under test logs while it is tested.
PLAIN_LOGGING: dict[str, Any] = {}
# What had to be found or installed: for each either where it is, or why it is not. Plain values, to travel to workers.
FOUND = pytest.StashKey[dict[str, dict[str, str]]]()


def pytest_configure(config: pytest.Config) -> None:
    """What the code under test logs stands plain beside a failure: by default a traceback shows every local variable,
    which takes longer than the deadlines that are tested."""
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])
    PLAIN_LOGGING.update(structlog.get_config())
    if hasattr(config, "workerinput"):  # a process of pytest-xdist
        config.pluginmanager.register(Standing())
        made_once.use(config.workerinput["made_once"])
    # Playwright's own five seconds are too few where four tests share two slow cores.
    expect.set_options(timeout=PATIENT_S * 1000)


def pytest_runtest_setup() -> None:
    """A module that a test imports may have set logging up for its process: each test begins with this run's own."""
    structlog.configure(**PLAIN_LOGGING)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """A run of everything goes in groups side by side; who names tests wants them here and now."""
    if not _everything(config) or config.option.collectonly:
        return 0
    return 2 if _quick(config) else WORKERS


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Groups | None:
    """See `tests/support/groups.py`."""
    return Groups(config, log) if _everything(config) and not _quick(config) else None


def _everything(config: pytest.Config) -> bool:
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS


def _quick(config: pytest.Config) -> bool:
    return bool(config.option.markexpr == "quick")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """At the desk nothing is imported that will not run."""
    if _quick(config) and collection_path.suffix == ".py" and "mark.quick" not in collection_path.read_text("utf-8"):
        return True
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Whoever hands out work gets what has to be installed first, in sight and once."""
    if is_xdist_controller(session) and _everything(session.config):
        files = [*TESTS.rglob("test_*.py"), *TESTS.rglob("conftest.py")]
        rewrite([file for file in files if not pytest_ignore_collect(file, session.config)], session.config)
    if is_xdist_controller(session) and not _quick(session.config):
        session.config.stash[FOUND] = {"chromium": _find_chromium(session), "postgres": _find_postgres(session)}


def pytest_configure_node(node: WorkerController) -> None:
    """What was found goes to each worker, and where all of them put what is made once."""
    node.workerinput["found"] = node.config.stash.get(FOUND, {})
    node.workerinput["made_once"] = str(made_once.folder())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests with a browser run last: Playwright's loop stays in the thread, and no asyncio test can run beside it.
    After them runs only what ends the house of the run. `-m quick` stands in the place of `-m 'not full'`, and means
    both."""
    if _quick(config):
        long = [item for item in items if item.get_closest_marker("full")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]
    items.sort(key=lambda item: (_needs(item, {"house_to_end"}), _needs(item, BROWSER_FIXTURES)))
    for item in items:
        if _needs(item, BROWSER_FIXTURES) and not item.nodeid.startswith(BROWSER_FOLDER):
            raise pytest.UsageError(f"{item.nodeid} opens a browser: its place is {BROWSER_FOLDER}")


def pytest_collectstart() -> None:
    """A module of the shell tidies its process when it is imported: it need not go through what was imported before."""
    gc.freeze()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Get what has to be installed before the first test, outside any test's time limit and in sight."""
    gc.freeze()
    gc.enable()
    if is_xdist_worker(session):
        session.config.stash[FOUND] = session.config.workerinput["found"]
        return
    found = session.config.stash.setdefault(FOUND, {})
    if session.config.option.collectonly:
        return
    if any(_needs(item, BROWSER_FIXTURES) for item in session.items):
        found["chromium"] = _find_chromium(session)
    if any(_needs(item, {"postgres"}) for item in session.items):
        found["postgres"] = _find_postgres(session)


def _needs(item: pytest.Item, fixtures: set[str]) -> bool:
    return bool(fixtures & set(getattr(item, "fixturenames", ())))


def _find_chromium(session: pytest.Session) -> dict[str, str]:
    try:
        chromium = chromium_search.find(say=_voice(session))
    except NoChromium as refusal:
        return {"refusal": str(refusal)}
    return {"path": str(chromium.path), "source": chromium.source}


def _find_postgres(session: pytest.Session) -> dict[str, str]:
    try:
        return {"path": str(postgres_server.find_binaries(_voice(session)))}
    except NoPostgres as refusal:
        return {"refusal": str(refusal)}


def _voice(session: pytest.Session) -> Callable[[str], object]:
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    return terminal.write_line if terminal else print


def _found(request: pytest.FixtureRequest, name: str) -> dict[str, str]:
    paths = request.config.stash[FOUND]
    if name not in paths:  # asked for by `getfixturevalue`, which nobody can see beforehand
        paths[name] = {"chromium": _find_chromium, "postgres": _find_postgres}[name](request.session)
    found = paths[name]
    if "refusal" in found:
        pytest.fail(found["refusal"], pytrace=False)
    return found


@pytest.fixture(scope="session")
def chromium(request: pytest.FixtureRequest) -> Chromium:
    """A Chromium that starts on this machine."""
    found = _found(request, "chromium")
    return Chromium(Path(found["path"]), found["source"])


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, object], chromium: Chromium) -> dict[str, object]:
    """pytest-playwright launches the Chromium that was found."""
    return {**browser_type_launch_args, **chromium.launch_options()}


@pytest.fixture
def page(page: Page) -> Iterator[Page]:
    """pytest-playwright's; what a test answers in the shell's place is no longer answered when the test has ended."""
    yield page
    page.unroute_all(behavior="ignoreErrors")


@pytest.fixture(scope="module")
def _reused_page(browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        yield context.new_page()


@pytest.fixture
def reused_page(_reused_page: Page) -> Iterator[Page]:
    """One page for the tests of a file, in the stead of `page`: a page of its own costs each three times as much, most
    of it for the browser's process. It comes without cookies, stored values and routes; not for a test with an init
    script, a clock or a socket's route, which would stay."""
    _reused_page.set_viewport_size({"width": 1280, "height": 720})
    yield _reused_page
    _reused_page.unroute_all(behavior="ignoreErrors")
    left = urlsplit(_reused_page.url)
    if left.scheme == "http":
        # A small document of the same site: for another one, or none, the browser starts another process. A route costs
        # half a page load, for the browser forgets what it has cached, so only an origin that nobody serves gets one.
        if left.hostname not in ("localhost", "127.0.0.1"):
            _reused_page.route("**/*", lambda route: route.fulfill(body="", content_type="text/html"))
        _reused_page.goto(f"http://{left.netloc}/healthz")
        _reused_page.evaluate("localStorage.clear(); sessionStorage.clear()")
        _reused_page.unroute_all(behavior="ignoreErrors")
    _reused_page.context.clear_cookies()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """pytest-django's, before the database is made: its tables are emptied for each test, the audit as well, which the
    database forbids otherwise (`test_immutable_rows.py`)."""
    from django.apps import apps
    from django.db.models.signals import post_migrate

    if apps.is_installed("shell.registry"):
        post_migrate.disconnect(sender=apps.get_app_config("registry"), dispatch_uid="registry.immutable_rows")


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
def podium() -> Iterator[Podium]:
    """Podium's own podlets, layouts and schema, in one process for all tests of the run."""
    try:
        rig = Podium().__enter__()
    except NoPodium as refusal:
        pytest.fail(str(refusal), pytrace=False)
    with ExitStack() as stack:
        stack.push(rig)
        yield rig


@pytest.fixture(scope="session")
def _slow_house_of_the_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlowHouse]:
    with SlowHouse(tmp_path_factory.mktemp("slow")) as house:
        yield house


@pytest.fixture(scope="session")
def _releasing_house_of_the_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlowHouse]:
    with SlowHouse(tmp_path_factory.mktemp("releasing")) as house:
        yield house


@pytest.fixture
def releasing(_releasing_house_of_the_run: SlowHouse) -> Iterator[SlowHouse]:
    """As `slow`, for tests that publish its origin anew: from then on its slots' addresses name their release."""
    yield from _well(_releasing_house_of_the_run)


@pytest.fixture
def slow(_slow_house_of_the_run: SlowHouse) -> Iterator[SlowHouse]:
    """A shell over one origin that can be slowed down and broken; it is well when a test begins."""
    yield from _well(_slow_house_of_the_run)


def _well(house: SlowHouse) -> Iterator[SlowHouse]:
    wait_for(lambda: urllib.request.urlopen(house.url).read().count(b'data-state="fresh"') == 3)
    yield house
    house.heal()


@pytest.fixture(scope="session")
def _mullion_of_the_run() -> Iterator[Mullion]:
    with Mullion() as mullion:
        mullion.first_page = mullion.get("/")[1]
        yield mullion


@pytest.fixture
def house_to_end(_mullion_of_the_run: Mullion) -> Mullion:
    """The same, for a test that leaves nothing of it: it runs after all others."""
    return _mullion_of_the_run


@pytest.fixture
def house(_mullion_of_the_run: Mullion) -> Iterator[Mullion]:
    """A whole Mullion with fresh data. What a test breaks is set right after it, and takes that test's time."""
    yield _mullion_of_the_run
    _mullion_of_the_run.restore()


def _prepare_nothing() -> None:
    """Stands once a run for what a plugin prepares anew for every test and no test here uses: a third of what an empty
    test costs."""


# Of pytest-django a test's own mail box, sites, apps, addresses, templates, TestCase and server; of Playwright traces.
for _unused in (
    "_dj_autoclear_mailbox",
    "_django_clear_site_cache",
    "_django_isolate_apps",
    "_django_set_urlconf",
    "_django_setup_unittest",
    "_live_server_helper",
    "_pw_trace_api_requests",
    "_template_string_if_invalid_marker",
):
    globals()[_unused] = pytest.fixture(scope="session", autouse=True, name=_unused)(_prepare_nothing)
