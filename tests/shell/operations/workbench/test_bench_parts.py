"""The workbench's parts that need no process: folders, fixtures, choices, and which requests it answers."""

import json
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bff.contracts.bets import BetsData
from bff.contracts.games import GamesData
from bff.contracts.history import HistoryData
from bff.contracts.promotions import PromotionsData
from bff.contracts.tables import TableData, TablesData
from bff.contracts.view import View
from bff.contracts.wallet import LimitsData, WalletData
from fragments.cli.scaffold.write import files_of, write
from shell.composition.layout import Grid, Layout, SlotPlace, layout_problems
from shell.composition.page import Page, PageTable, Slot
from shell.operations.workbench.application import Workbench
from shell.operations.workbench.bench_slot import alone, bench_slots
from shell.operations.workbench.cell_page import SIGNED_IN_FOR, CellPages
from shell.operations.workbench.choice import NO_SCRIPTS, Choice, frame_of, groups_of
from shell.operations.workbench.cli import main
from shell.operations.workbench.fixtures import VISITOR, answer_of, long_name, read_fixture, shape
from shell.operations.workbench.folder import FolderUnusable, fragments_below, read_folder
from shell.operations.workbench.states import BenchState, Cell
from shell.operations.workbench.themes import theme_style
from shell.operations.workbench.watch import fingerprint
from shell.players.duties import duty_values
from shell.players.identity import Identity
from tests.support.mullion import ROOT

pytestmark = pytest.mark.quick
HEAD = '[house]\nname = "poll"\n'
PUBLISHED = HEAD + '[[process]]\npublish = "/m"\n'
READY = 'ready = "/r"\n'
NOW = datetime(2026, 3, 14, 20, 14, 3, tzinfo=UTC)
FIXTURES: dict[str, dict[str, Any]] = {
    "wallet": {"views/wallet": View[WalletData], "views/history": View[HistoryData], "views/limits": View[LimitsData]},
    "promotions": {"views/promotions": View[PromotionsData]},
    "live_dealer": {"views/tables": View[TablesData], "views/tables/201": View[TableData], "v1/bets": BetsData},
    "games": {"views/games": View[GamesData]},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "poll", files_of("poll", "python"))
    return tmp_path / "poll"


def test_folder_of_a_team_says_how_it_is_started(folder: Path) -> None:
    """`house.toml` may lie in the folder or in the package below; the process is started where its module is found."""
    found = read_folder(folder)
    assert (found.name, found.root, found.folder) == ("poll", folder, folder / "poll")
    assert found.command[-2:] == ("bff.resilience.serving", "poll.asgi:application")
    assert (found.ready, found.manifest, found.trust, found.variables) == (
        "/readyz",
        "/manifest.json",
        "sandboxed",
        ("BFF_QUERIES_URL",),
    )
    own = folder / ".venv" / "bin" / "python"
    own.parent.mkdir(parents=True)
    own.touch()
    assert read_folder(folder).command[0] == str(own)


def test_without_a_folder_each_fragment_that_stands_here_is_looked_at(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this repository those are the demo's fragments; in a team's folder or its parent, the team's. Houses that
    publish no manifest are left out.
    """
    rooms = {path.parent.name for path in ROOT.glob("fragments/*/house.toml")}
    assert [found.name for found in fragments_below(ROOT)] == sorted(room.replace("_", "-") for room in rooms)
    for place in (folder, folder.parent):
        [found] = fragments_below(place)
        assert (found.name, found.fixtures) == ("poll", folder / "fixtures")
    (folder.parent / "broken").mkdir()
    (folder.parent / "broken" / "house.toml").write_text("[house")
    monkeypatch.chdir(folder.parent)
    assert main([]) == 2
    assert "broken/house.toml: this is not TOML" in capsys.readouterr().err
    monkeypatch.chdir(folder / "tests")
    assert main([]) == 2
    assert "no fragment stands here" in capsys.readouterr().err


@pytest.mark.parametrize("room", FIXTURES)
def test_fragments_of_this_repository_can_be_looked_at(room: str) -> None:
    """For every view that a fragment reads there is a fixture that the contract accepts, in every state."""
    found = read_folder(ROOT / "fragments" / room)
    assert (found.root, found.trust) == (ROOT, "first-party")
    lying = {path.relative_to(found.fixtures).with_suffix("").as_posix() for path in found.fixtures.rglob("*.json")}
    assert {name.removesuffix(VISITOR) for name in lying} == FIXTURES[room].keys()
    for name, kind in FIXTURES[room].items():
        for state in BenchState:
            for signed_in in (True, False):
                msgspec.convert(answer_of(found.fixtures, name, state, NOW, signed_in=signed_in), kind)


def test_who_is_signed_out_is_shown_nothing_that_belongs_to_a_player(tmp_path: Path) -> None:
    """Signed out, the fixtures' bonuses, favourites and last games are left out; offers and games stay."""

    def data(room: str, view: str, *, signed_in: bool) -> Any:
        found = ROOT / "fragments" / room / "fixtures"
        answer = answer_of(found, f"views/{view}", BenchState.FRESH, NOW, signed_in=signed_in)
        return msgspec.convert(answer, FIXTURES[room][f"views/{view}"]).data

    offers, games = (data(room, room, signed_in=False) for room in ("promotions", "games"))
    assert ({offer.claim for offer in offers.offers}, offers.grants) == ({"signed_out"}, [])
    assert (games.favourites, games.recent) == ([], [])
    assert not any(game.favourite for game in games.games)
    assert {each.count for each in games.categories if each.category in ("favourites", "recent")} == {0}
    players, played = (data(room, room, signed_in=True) for room in ("promotions", "games"))
    assert [offer.promotion_id for offer in players.offers] == [offer.promotion_id for offer in offers.offers]
    assert [game.game_id for game in played.games] == [game.game_id for game in games.games]
    assert players.grants
    assert played.favourites
    (tmp_path / "views").mkdir()
    (tmp_path / "views" / "tables.json").write_text("[1]")
    assert read_fixture(tmp_path, "views/tables", signed_in=False) == [1]
    (tmp_path / "views" / "tables.visitor.json").write_text("[2]")
    assert read_fixture(tmp_path, "views/tables", signed_in=False) == [2]
    assert read_fixture(tmp_path, "views/tables") == [1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (None, "holds no fragment"),
        ("[house", "house.toml: this is not TOML: "),
        (b"# \xff", "house.toml can not be read: "),
        ("house = 3\nprocess = [1]\n", "house.toml: house: must be a table, written [house]."),
        (HEAD.replace("poll", "Poll"), "house.toml: house.name: 'Poll' is not lower-case letters, digits and dashes"),
        ("[house]\n", "house.toml: house.name: is missing; wanted: lower-case letters, digits and dashes"),
        (HEAD, 'house.toml: process: exactly one [[process]] has publish = "/manifest.json"; here 0 do.'),
        (PUBLISHED + '[[process]]\npublish = "/n"\n', "; here 2 do."),
        (HEAD + "[process]\n", "house.toml: process: must be a list of tables, each written [[process]]."),
        (PUBLISHED + 'asgi = "gone.asgi"\n', "process[0].asgi: 'gone.asgi' is not 'module:application'."),
        (
            PUBLISHED + READY + 'asgi = "gone.asgi:app"\n',
            "process.asgi: 'gone.asgi:app' names a module that is not there",
        ),
        (
            PUBLISHED + READY + 'command = ["no-such-program"]\n',
            "process.command: no-such-program is not installed here",
        ),
        (PUBLISHED + READY + 'command = "sh"\n', "process[0].command: must be a list of strings, such as"),
        (PUBLISHED + READY + 'command = ["sh", 3]\n', "process[0].command: must be a list of strings, such as"),
        (PUBLISHED + READY, 'house.toml: process: needs asgi = "module:application", or command ='),
        (PUBLISHED + 'command = ["sh"]\n', "process.ready: is missing; wanted: a path, such as /readyz."),
        (PUBLISHED + 'ready = "readyz"\n', "process[0].ready: 'readyz' is not a path, such as"),
        (PUBLISHED + "ready = 3\n", "process[0].ready: 3 is not a path, such as"),
        (PUBLISHED + 'trust = "full"\n', "process[0].trust: 'full' is not first-party or sandboxed."),
        (
            PUBLISHED + "calls = [3]\n",
            "process[0].calls: 3 is not the name of a process or of a variable with an address.",
        ),
        (PUBLISHED + 'calls = ["a", "%"]\n', "process[0].calls: '%' is not the name of a process"),
        (PUBLISHED + 'calls = "a"\n', "process[0].calls: must be a list of strings, each the name of a process"),
    ],
)
def test_folder_that_can_not_be_used_gets_one_sentence(
    change: str | bytes | None, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the file, the field and what is wanted there, before anything is started."""
    if change is not None:
        (tmp_path / "house.toml").write_bytes(change if isinstance(change, bytes) else change.encode())
    with pytest.raises(FolderUnusable) as refused:
        read_folder(tmp_path)
    assert words in str(refused.value)
    assert main([str(tmp_path)]) == 2
    assert words in capsys.readouterr().err


def test_port_that_can_not_be_had_gets_one_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A taken port is reported before its address is printed; a value that is no port is refused."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert main([str(folder), "--port", str(port)]) == 2
    assert capsys.readouterr() == (
        "",
        f"fragment dev: port {port} is taken by another program; name another with --port.\n",
    )
    for nonsense in ("0", "65536", "-1", "http", "٣"):
        with pytest.raises(SystemExit) as ended:
            main([str(folder), f"--port={nonsense}"])
        assert ended.value.code == 2
        assert "is not a port from 1 to 65535" in capsys.readouterr().err


def test_two_of_one_name_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two fragments of one name would share the addresses of their cells."""
    assert main([str(folder), str(folder)]) == 2
    assert "the same name" in capsys.readouterr().err


def test_command_of_another_language_is_started_in_its_folder(tmp_path: Path) -> None:
    """`command` in `house.toml` says how. Fields that only a deployment reads may be missing, or be of its own."""
    toml = PUBLISHED + READY + 'trust = "first-party"\nreplicas = 3\n'
    toml += 'command = ["sh", "a"]\ncalls = ["bff-queries", "GAMES_URL"]\n'
    toml += '[[process]]\nname = "worker"\nrun = 3\n[deploy]\nregion = "eu"\n'
    (tmp_path / "house.toml").write_text(toml)
    found = read_folder(tmp_path)
    assert (found.root, found.command[1:], found.trust) == (tmp_path, ("a",), "first-party")
    assert found.variables == ("BFF_QUERIES_URL", "GAMES_URL")


def test_view_says_what_its_state_says() -> None:
    """Fresh is live and of this moment; degraded is minutes old; down is older. A body that is no view is unchanged."""
    view = {"data": {"name": "Harbour"}, "freshness": {"state": "live", "as_of": None, "sequence": ["e", 1]}}
    ages = {}
    for state in BenchState:
        shaped = shape(view, state, NOW)
        ages[state] = (shaped["freshness"]["state"], NOW - datetime.fromisoformat(shaped["freshness"]["as_of"]))
        assert shaped["freshness"]["sequence"] == ["e", 1]
        assert (shaped["data"] == view["data"]) is (state is not BenchState.HUGE_NAMES)
    assert ages[BenchState.FRESH] == ages[BenchState.SLOW] == ("live", timedelta())
    assert ages[BenchState.DEGRADED] == ("stale", timedelta(minutes=2))
    assert ages[BenchState.FEED_DOWN] == ("down", timedelta(minutes=12))
    assert shape([1], BenchState.FRESH, NOW) == [1]
    assert shape({}, BenchState.FRESH, NOW)["freshness"]["state"] == "live"


def test_only_what_people_read_becomes_too_long() -> None:
    """Ids, kinds, times, currencies and addresses stay as they are, as programs read them."""
    unchanged = {"id": "pr_rain", "kind": "roulette", "at": "2026-03-14T20:14:03Z", "currency": "EUR", "n": 3}
    assert long_name(unchanged) == unchanged
    [long] = long_name(["Harbour Roulette"])
    assert long.startswith("Harbour Roulette ")
    assert max(map(len, long.split())) > 60, "something in it can not be broken"


@pytest.mark.parametrize("path", ["../secret", "a/../../b", "", "/etc/passwd", "views/", "nothing", "views/broken"])
def test_missing_or_broken_fixture_counts_as_none(path: str, tmp_path: Path) -> None:
    """No file outside the folder is read, and a broken file counts as missing."""
    (tmp_path / "fixtures" / "views").mkdir(parents=True)
    (tmp_path / "fixtures" / "views" / "broken.json").write_text("{")
    (tmp_path / "secret.json").write_text("{}")
    assert read_fixture(tmp_path / "fixtures", path) is None


def test_moments_of_a_fixture_are_those_of_its_answer(tmp_path: Path) -> None:
    """`now+18s` is relative to the request, so a round still takes bets tomorrow; text that only resembles it is
    unchanged.
    """
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "rounds.json").write_text(
        '[{"closes": "now+18s", "began": "now-2s", "at": "now"}, "now and then"]'
    )
    moments, text = answer_of(tmp_path, "v1/rounds", BenchState.FEED_DOWN, NOW)
    assert moments == {
        "closes": "2026-03-14T20:14:21.000Z",
        "began": "2026-03-14T20:14:01.000Z",
        "at": "2026-03-14T20:14:03.000Z",
    }
    assert text == "now and then"


def test_a_provider_says_no_freshness_and_its_names_are_too_long_too(tmp_path: Path) -> None:
    """Freshness belongs to views only; huge names apply to a provider's answer as well."""
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "tables.json").write_text('{"name": "Harbour"}')
    for state in BenchState:
        answer = answer_of(tmp_path, "v1/tables", state, NOW) or {}
        assert answer.keys() == {"name"}
        assert (answer["name"] == "Harbour") is (state is not BenchState.HUGE_NAMES)


def test_slot_is_looked_at_where_its_page_has_it() -> None:
    """A slot keeps its name, column and height, without the rest of the page; its fallback has the same height."""
    layout = Layout(
        order=["heading", "main", "side"],
        slots={"main": SlotPlace("grid"), "wallet": SlotPlace("panel", {0: 216}), "bets": SlotPlace()},
        stacks={"side": ["wallet", "bets"]},
        grid=[Grid(960, ["1fr", "320px"], ["heading heading", "main side", "main ."], heights=["auto", "auto", "1fr"])],
    )
    page = Page(
        "table", "/t/{table}/", "x.html", (Slot("wallet", "wallet", "/summary/{table}"),), samples={"table": "7"}
    )
    [look] = bench_slots("wallet", PageTable((page,)), [], lambda _: layout)
    assert (look.where, look.slot.name, look.slot.pathname) == ("table.wallet", "wallet", "/summary/7")
    assert look.layout.order == ["heading", "wallet"]
    assert look.layout.slots == {"wallet": SlotPlace("panel", {0: 216})}
    assert look.layout.grid == [Grid(960, ["1fr", "320px"], ["heading heading", ". wallet"])]
    assert list(layout_problems(look.layout, ["wallet"])) == []
    assert alone(layout, "inside another").grid == []


def test_what_no_page_asks_for_is_looked_at_as_content() -> None:
    """Pathnames that were given are shown once each; without any, the content is shown at the full width of a page."""
    nobody = PageTable(())
    found = bench_slots("poll", nobody, ["/results", "/results", "/"], _no_layout)
    assert [(look.where, look.slot.pathname) for look in found] == [("results", "/results"), ("content", "/")]
    [content] = bench_slots("poll", nobody, [], _no_layout)
    assert (content.where, content.slot.name, content.slot.pathname) == ("content", "content", "")
    assert list(layout_problems(content.layout, ["content"])) == []


def _no_layout(page: Page) -> Layout:
    raise AssertionError(f"{page.name} has nothing of this fragment")


def test_cell_is_named_by_its_key_and_by_no_other() -> None:
    """A key in an address is parsed strictly."""
    cell = Cell("daily-quiz", 2, BenchState.HUGE_NAMES, "rtl", signed_in=False)
    assert Cell.of(cell.key) == cell
    for key in ("", "poll", "poll.0.fresh.ltr", "poll.0.nothing.ltr.in", "poll.x.fresh.ltr.in", "Poll.0.fresh.ltr.in"):
        assert Cell.of(key) is None


def test_choice_is_read_from_its_own_link_and_nonsense_changes_nothing() -> None:
    """Each switch links to one other choice and marks the current one; unknown values are ignored."""
    choice = Choice("b", 1, BenchState.SLOW, 390, "light", "rtl", signed_in=False, scripts=False)
    given = dict(pair.split("=") for pair in choice.href.removeprefix("/?").split("&"))
    assert Choice.of(given, ["a", "b"]) == choice
    nonsense = {"fragment": "x", "slot": "-1", "state": "x", "width": "9", "theme": "x", "direction": "x"}
    assert Choice.of(nonsense, ["a", "b"]) == Choice("a")
    groups = groups_of(choice, ["a", "b"], ["one", "two"])
    assert [sum(option.current for option in group.options) for group in groups] == [1] * 8
    assert [group.words for group in groups_of(Choice("a"), ["a"], ["one"])][:1] == ["State"]
    assert frame_of(choice).sandbox == NO_SCRIPTS
    assert "allow-scripts" in frame_of(replace(choice, scripts=True)).sandbox


def test_change_of_a_file_is_seen_and_what_was_installed_is_not_looked_at(tmp_path: Path) -> None:
    """New and removed files count as changes; `.venv` and `node_modules` are ignored."""
    (tmp_path / "a.py").write_text("1")
    for left_out in (".venv", "node_modules", "__pycache__"):
        (tmp_path / left_out).mkdir()
        (tmp_path / left_out / "x.py").write_text("1")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    first = fingerprint(tmp_path)
    assert [Path(name).name for name, _, _ in first] == ["a.py"]
    (tmp_path / "a.py").write_text("12")
    second = fingerprint(tmp_path)
    (tmp_path / "b.py").write_text("1")
    assert len({first, second, fingerprint(tmp_path)}) == 3


def test_a_theme_is_the_tokens_of_one_whatever_a_browser_prefers() -> None:
    """The dark theme has the tokens' defaults; the light one has those of `prefers-color-scheme: light`, without the
    condition.
    """
    dark, light = theme_style("dark").decode(), theme_style("light").decode()
    assert "color-scheme: dark" in dark
    assert "color-scheme: light" in light
    assert "@media" not in dark + light
    assert (light.count("{"), light.count("--m-bg:")) == (light.count("}"), 1)
    assert theme_style("x") == b""


async def ask(path: str, *, method: str = "GET", host: str = "127.0.0.1:8060") -> tuple[int, str]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": [(b"host", host.encode())]}
    await Workbench([])(scope, None, send)
    return sent[0]["status"], sent[1]["body"].decode()


async def test_workbench_answers_this_machine_alone() -> None:
    """Requests with another site's host or origin are refused, also where that site has found the port."""
    assert (await ask("/gallery/", host="evil.example"))[0] == 403
    assert (await ask("/gallery/", host="127.0.0.1.evil.example:8060"))[0] == 403
    for host in ("localhost:8060", "[::1]:8060", "127.0.0.1"):
        assert (await ask("/gallery/", host=host))[0] == 200
    assert (await ask("/slots/poll.0.fresh.ltr.in/content/actions/vote", method="POST"))[0] == 404
    assert (await ask("/bff/poll/commands/deposit", method="POST")) == (503, (await ask("/bff/poll/views/x"))[1])
    for path in ("/cells/poll.0.fresh.ltr.in/", "/cells/x/", "/slots/x/y", "/assets/x", "/static/x", "/x"):
        assert (await ask(path))[0] == 404, path


def test_cells_may_be_framed_by_the_workbench_alone() -> None:
    """The rest of the content security policy is that of pages."""
    headers = dict(CellPages.headers())
    assert "frame-ancestors 'self'" in headers["content-security-policy"]
    assert "frame-src 'self'" in headers["content-security-policy"]
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "x-frame-options" not in headers
    assert json.dumps(headers)


def test_nothing_of_the_page_covers_a_fragment_that_is_looked_at(settings: Any) -> None:
    """The cell has a page's own markup, without the dialog of the reality check."""
    began = 1_790_000_000
    settings.REALITY_CHECK_MIN = 60
    assert duty_values(Identity("pl_amber", "amber", "EUR", "a mark", since=began), now=began + 1440) == SIGNED_IN_FOR
