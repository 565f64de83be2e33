"""The README's commands do what the README says. The test line itself is what runs this."""

import os
import re
import shutil
import signal
import subprocess

import pytest

from tests.support.mullion import ROOT, STOPS_S_MAX, Mullion
from tests.support.up_remains import left_of

README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]
START, TESTS, OWN_PLACE, HOLD, RELEASE, LOOK, PUBLISH, DRILLS, TRY, HOLD_OUT, LET_IN, CHECK, HELP = COMMANDS


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment with a `pip` of its own first on the PATH, as a newcomer has, and without our test run's."""
    folder = tmp_path_factory.mktemp("machine")
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv, "uv is not on this machine: pip install uv"
    subprocess.run([uv, "venv", "--quiet", "--seed", folder / "python"], check=True, timeout=110)
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("VIRTUAL_ENV", "UV_RUN", "DJANGO"))
    }
    inherited.setdefault(
        "UV_CACHE_DIR", subprocess.run([uv, "cache", "dir"], capture_output=True, text=True).stdout.strip()
    )
    return {**inherited, "HOME": str(folder), "PATH": f"{folder}/python/bin:{os.environ['PATH']}"}


def run(command: str, house: Mullion, machine: dict[str, str]) -> str:
    """A command of the README with this run's port and data folder; what it said."""
    here = command.replace(".mullion/8000", str(house.data)).replace(":8020", f":{house.port_base + 20}")
    # What the first command installed is there: to look at its eight thousand files again is not what is tested.
    environ = {**machine, "MULLION_DATA_ROOT": str(house.data.parent), "UV_NO_SYNC": "1"}
    done = subprocess.run(["sh", "-c", here], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_two_commands_are_exactly_these():
    """What a newcomer types first."""
    assert START == "pip install uv && uv run manage.py up"
    assert TESTS == "pip install uv && uv run pytest"
    assert "uv run pytest" in (ROOT / ".ci" / "run").read_text("utf-8")


def test_drills_begin_as_their_own_book_says():
    """Both commands stand in that book, whose commands the drills' tests run."""
    book = (ROOT / "tests" / "drills" / "README.md").read_text("utf-8")
    assert DRILLS in book
    assert TRY in book


def test_readme_is_short_and_begins_with_the_picture():
    """At most 200 lines, the screenshot before the words, and every link leads somewhere."""
    assert len(README.splitlines()) <= 200
    picture = re.search(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert picture
    assert len(README[: picture.start()].split("\n")) <= 3
    for link in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / link.partition("#")[0]).is_file(), link


def test_map_of_the_house_is_true():
    """Every room on the map exists, and every house is on the map."""
    rooms = README.partition("## The house")[2].partition("```\n")[2].partition("```")[0]
    for word in ("manage.py", "shell", "fragments", "bff", "static", "tests"):
        assert re.search(rf"^{re.escape(word)}", rooms, re.MULTILINE)
        assert (ROOT / word).exists()
    for house in ROOT.glob("*/*/house.toml"):
        assert f"{house.parent.name}/" in rooms


@pytest.mark.timeout(300)
def test_start_command_brings_up_a_lobby_and_ctrl_c_leaves_nothing(machine: dict[str, str]):
    """The first line ends in a page, on ports that are free here and with as few processes as have one; and it ends as
    the README promises, with uv and a shell in between."""
    with Mullion("--only", "shell", command=["sh", "-c", f'{START} "$@"', "up"], environ=machine) as mullion:
        status, page = mullion.get("/")
        assert status == 200
        assert page.rstrip().endswith("</html>")
        os.killpg(mullion.process.pid, signal.SIGINT)
        mullion.process.wait(STOPS_S_MAX)
        mullion.wait(lambda: not left_of(mullion))


@pytest.mark.timeout(300)
def test_holding_a_fragment_down_breaks_its_pane_only(house: Mullion, machine: dict[str, str]):
    """The page stays whole while the fragment is held, and the slot heals after the release."""

    def tables() -> str:
        """The state of the slot, on a page that is whole."""
        status, page = house.get("/")
        assert status == 200
        assert page.rstrip().endswith("</html>")
        return re.findall(r'<fragment-slot slot="tables"[^>]*data-state="(\w+)"', page)[0]

    run(HOLD, house, machine)
    house.wait_state("live-dealer", "disabled")
    # A copy that every visitor shares may be shown for as long as the fragment itself allowed.
    house.wait(lambda: tables() in ("stale", "fallback"))
    run(RELEASE, house, machine)
    house.wait_state("live-dealer", "ready")
    house.wait(lambda: tables() == "fresh")


@pytest.mark.timeout(300)
def test_publishing_reaches_the_running_shell(house: Mullion, machine: dict[str, str]):
    """The command works from a second terminal."""
    assert re.search(r"(published|unchanged) wallet", run(PUBLISH, house, machine))


@pytest.mark.timeout(300)
def test_operator_holds_a_fragment_out_of_the_running_shell(house: Mullion, machine: dict[str, str]):
    """Page and board say so until it is let in again; then its slot heals by itself."""
    slot = re.compile(r'<fragment-slot slot="promotions"[^>]*data-state="(\w+)" data-reason="(\w*)"')

    def promotions() -> tuple[str, str]:
        """State and reason of the slot."""
        return slot.findall(house.get("/")[1])[0]

    assert "held promotions" in run(HOLD_OUT, house, machine)
    house.wait(lambda: promotions() == ("fallback", "held"))
    assert re.search(r"Held: wrong offers, INC-41<br>.*by \w+ since", house.inside("/operations/")[1])
    assert "resumed promotions" in run(LET_IN, house, machine)
    house.wait(lambda: promotions() == ("fresh", ""))
    assert "Held:" not in house.inside("/operations/")[1]


@pytest.mark.timeout(300)
def test_check_and_help_work(house: Mullion, machine: dict[str, str]):
    """Both are for people who have nothing running yet."""
    assert "no issues" in run(CHECK, house, machine)
    assert "--port-base" in run(HELP, house, machine)


@pytest.mark.full
@pytest.mark.timeout(300)
def test_uv_in_a_place_of_its_own_starts_too(house: Mullion, machine: dict[str, str]):
    """The line for systems that refuse a global `pip install`."""
    assert "--port-base" in run(f"{OWN_PLACE} --help", house, machine)


def test_line_for_systems_that_refuse_a_global_pip_is_the_same_but_for_where_uv_is():
    """A place for uv alone, uv in it, and the same command; `.ci/full` runs it."""
    assert re.fullmatch(r"python3 -m venv (\S+) && \1/bin/pip install uv && \1/bin/uv run manage.py up", OWN_PLACE)
