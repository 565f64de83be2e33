"""The pages table and the compiler: pages are data, and a mistake is reported by the name of its entry."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from bff.contracts.seamless import SCOPE_PLAY, game_audience
from shell import wiring
from shell.composition.compiler import Compiled, Compiler, Hole
from shell.composition.page import Grant, Page, PagesBroken, PageTable, Slot
from shell.composition.release import Snapshot
from shell.pages.table import read_pages

pytestmark = pytest.mark.quick

TABLE = Page("table", "/tables/{table}/", "table.html", (Slot("main", "x", "/table/{table}"),))
LOBBY = Page("lobby", "/", "lobby.html")
PAGES = PageTable([LOBBY, TABLE])

ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", fullmatch=True)


@given(ids)
def test_page_key_names_the_same_page_again(table_id: str) -> None:
    """The key made of a matched path leads back to the same page and parameters."""
    matched = PAGES.match(f"/tables/{table_id}/")
    assert matched == (TABLE, {"table": table_id})
    assert PAGES.by_key(TABLE.key({"table": table_id})) == matched


@given(st.text(max_size=80))
def test_hostile_page_key_is_no_page_or_a_whole_one(key: str) -> None:
    """A key from a browser never gives a page with a parameter that its route would refuse."""
    found = PAGES.by_key(key)
    if found is not None:
        page, params = found
        assert PAGES.match(page.path(params)) == found


@pytest.mark.parametrize("path", ["/tables//", "/tables/../", "/tables/a/b/", "/tables/%2e/", "/tables/.x/", "//"])
def test_path_that_no_route_takes_is_no_page(path: str) -> None:
    """A parameter is one plain path segment."""
    assert PAGES.match(path) is None


def test_slot_prefix_carries_the_parameters() -> None:
    """Two tables have two prefixes, so an action at one can not reach the other."""
    slot = TABLE.slots[0]
    assert TABLE.prefix(slot, {"table": "rl-7"}) == "/slots/table:rl-7/main"
    assert slot.path({"table": "rl-7"}) == "/table/rl-7"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[pages.a]\nroute='/'\n", "template"),
        ("[fragments]\n[pages.a]\nroute='a'\ntemplate='x'\n", "must start and end with a slash"),
        ("[fragments]\n[pages.a]\nroute='/'\ntemplate='x'\nslots={s={fragment='f'}}\n", "names the fragment 'f'"),
        ("[fragments.f]\n[pages.a]\nroute='/'\ntemplate='x'\nslots={s={fragment='f',pathname='/{id}'}}\n", "['id']"),
        ("[fragments.f]\n[pages.a]\nroute='/'\ntemplate='x'\nslots={s={fragment='f',first=true}}\n", "first"),
        (
            "[fragments.f]\n[pages.a]\nroute='/'\ntemplate='x'\nslots={s={fragment='f',grant={audience='g:{id}'}}}\n",
            "['id']",
        ),
        *(
            (
                f"[fragments.f]\n[pages.a]\nroute='/'\ntemplate='x'\nslots={{s={{fragment='f',grant={{audience='{word}'}}}}}}\n",
                word,
            )
            for word in ("f", "live:socket", ":x", "game:", "{id}:x")
        ),
        ("[fragments.f]\n[pages.a]\nroute='/'\ntemplate='x'\nrefresh_s=5\n", "refresh_s"),
        *(
            (f"[fragments.f]\n[pages.a]\nroute='/'\ntemplate='x'\n[pages.a.slots]\n{slots}\n", message)
            for slots, message in (
                ("s={fragment='f',inside='t'}", "no other slot of the page"),
                ("s={fragment='f',inside='s'}", "no other slot of the page"),
                ("s={fragment='f'}\nt={fragment='f',inside='s'}\nu={fragment='f',inside='t'}", "two deep is the most"),
                ("s={fragment='f'}\nt={fragment='f',inside='s',primary=true}", "primary"),
                ("s={fragment='f'}\nT={fragment='f',inside='s'}", "lower case"),
                ("s={fragment='f',awaited_ms=100}", "stands in no other slot"),
                ("s={fragment='f'}\nt={fragment='f',inside='s',awaited_ms=501}", "awaited_ms"),
            )
        ),
        ("pages = ", "pages.toml"),
    ],
)
def test_broken_pages_table_is_refused_by_name(tmp_path: Path, text: str, words: str) -> None:
    """The message names the entry and what is wrong with it."""
    path = tmp_path / "pages.toml"
    path.write_text(text)
    with pytest.raises(PagesBroken, match=r"pages\.toml") as refused:
        read_pages(path)
    assert words in str(refused.value)


def test_own_pages_table_places_every_slot_it_declares() -> None:
    """Each page of the house compiles, signed in and not."""
    compiler = Compiler()
    for page in read_pages(settings.PAGES).pages:
        for signed_in in (False, True):
            compiled = compiler.compiled(page, language="en", signed_in=signed_in, snapshot=Snapshot())
            assert b"</html>" in Compiled.fill(compiled.tail, {"player_name": "", "path": "/", "key": page.name})


def test_main_navigation_leads_to_pages_of_the_house_and_names_the_one_that_is_open() -> None:
    """The catalogue of games is among its links, signed in or not."""
    pages = read_pages(settings.PAGES)
    for name in ("lobby", "games", "cashier"):
        page = next(page for page in pages.pages if page.name == name)
        compiled = Compiler().compiled(page, language="en", signed_in=False, snapshot=Snapshot())
        head = Compiled.fill(compiled.head, {"player_name": "", "path": page.route, "key": name}).decode()
        nav = head.partition('class="nav"')[2].partition("</nav>")[0]
        assert re.findall(r'href="([^"]+)" aria-current="page"', nav) == [page.route]
        links = [pages.match(path) for path in re.findall(r'href="([^"]+)"', nav)]
        assert [found and found[0].name for found in links] == ["lobby", "games", "cashier"]


def test_page_without_a_script_reads_itself_again_where_the_table_says_so() -> None:
    """Only a page with `refresh_s` reloads, at its own address, no sooner than that, and only in browsers without
    scripts.
    """
    for page in read_pages(settings.PAGES).pages:
        compiled = Compiler().compiled(page, language="en", signed_in=False, snapshot=Snapshot())
        head = Compiled.fill(compiled.head, {"player_name": "", "path": '/tables/"7/', "key": page.name}).decode()
        refresh = f'<noscript><meta http-equiv="refresh" content="{page.refresh_s};url=/tables/&quot;7/"></noscript>'
        assert (refresh in head) == ('http-equiv="refresh"' in head) == (page.refresh_s >= 10)


def test_game_tokens_are_for_the_table_of_the_page() -> None:
    """The grant in the pages table is exactly what the engine accepts from a game provider."""
    page = next(page for page in read_pages(settings.PAGES).pages if page.name == "table")
    grants = [slot.granted({"table": "203"}) for slot in page.slots if slot.grant]
    assert grants
    assert set(grants) == {Grant(game_audience("203"), frozenset({SCOPE_PLAY}), 12 * 3600)}


def test_slot_inside_a_slot_is_declared_by_the_table_and_placed_by_no_layout(tmp_path: Path) -> None:
    """The other fragment's HTML places it, so the page's template and layout do not mention it."""
    path = tmp_path / "pages.toml"
    path.write_text(
        "[fragments.f]\n[pages.a]\nroute='/'\ntemplate='lobby.html'\n[pages.a.slots]\nwallet={fragment='f'}\n"
        "tables={fragment='f'}\npromotions={fragment='f'}\ncart={fragment='f',inside='tables',awaited_ms=100}\n"
    )
    [page] = read_pages(path).pages
    cart = page.slots[-1]
    assert (cart.inside, cart.awaited_ms) == ("tables", 100)
    assert page.nested == {"tables": (cart,)}
    assert [slot.name for slot in page.placed] == ["wallet", "tables", "promotions"]
    Compiler().check(read_pages(path))


def test_slot_that_names_no_pathname_asks_for_the_content_itself(tmp_path: Path) -> None:
    """As in Podium, content at `/content` is requested at `/content` and not at `/content/`."""
    path = tmp_path / "pages.toml"
    path.write_text("[fragments.f]\n[pages.a]\nroute='/'\ntemplate='lobby.html'\nslots={s={fragment='f'}}\n")
    assert read_pages(path).pages[0].slots[0].path({}) == ""


def test_slot_that_the_template_does_not_place_is_refused() -> None:
    """A template and a table that disagree stop the shell instead of leaving an empty place."""
    page = Page("lobby", "/", "lobby.html", (Slot("other", "x"),))
    with pytest.raises(PagesBroken, match="other"):
        Compiler().compiled(page, language="en", signed_in=False, snapshot=Snapshot())


def test_shell_does_not_start_with_a_table_that_its_templates_contradict(tmp_path: Path, settings: Any) -> None:
    """The message of the failed start has the slot's name."""
    settings.PAGES = tmp_path / "pages.toml"
    settings.PAGES.write_text(
        "[fragments.f]\n[pages.a]\nroute='/'\ntemplate='lobby.html'\nslots={odd={fragment='f'}}\n"
    )
    with pytest.raises(PagesBroken, match="odd"):
        wiring.parts.__wrapped__()


def test_hole_is_filled_with_escaped_text() -> None:
    """A player's name is escaped, whatever characters it holds."""
    assert Compiled.fill((b"<b>", Hole("player_name"), b"</b>"), {"player_name": "<i>"}) == b"<b>&lt;i&gt;</b>"


def test_page_is_rendered_once_until_a_release_changes() -> None:
    """Compiling costs a render; a visit does not."""
    compiler, page = Compiler(), read_pages(settings.PAGES).pages[0]
    first = compiler.compiled(page, language="en", signed_in=False, snapshot=Snapshot(1))
    assert compiler.compiled(page, language="en", signed_in=False, snapshot=Snapshot(1)) is first
    assert compiler.compiled(page, language="en", signed_in=False, snapshot=Snapshot(2)) is not first
