"""The catalogue as a real process, with a fake BFF whose replies a test sets."""

import html
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest

from bff.contracts import headers
from bff.contracts.games import Game
from bff.contracts.page_head import read_page_head
from bff.contracts.view import Break
from tests.support.fragments_fake_bff import FakeBff, Reply, problem, reply, view
from tests.support.fragments_games import GAMES, games_data, games_receipt
from tests.support.fragments_house import Answer, Fragment, bearer

ROOM = "games"
VISITOR = {"podium_currency": "EUR", "podium_locale": "en-GB", "podium_public_pathname": "/slots/games/catalogue"}
MARK = {"do": "mark", "game_id": GAMES[0].game_id, "idempotency_key": "key-0123456789"}
AT = "/games/?catalogue.search=lan&catalogue.page=2"


def player() -> dict[str, str]:
    """Headers of a signed-in player's request; made for each call, as the bearer expires within minutes."""
    return {**VISITOR, "podium_mount_pathname": "/games/", "authorization": bearer("games")}


def on_the_shelf() -> dict[str, str]:
    return {**player(), "podium_public_pathname": "/slots/lobby/games", "podium_mount_pathname": "/"}


def replies() -> dict[str, Reply]:
    return {"/views/games": reply(view(games_data())), "/commands/set-favourite": reply(games_receipt())}


def words(answer: Answer) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def tile(answer: Answer, name: str) -> str:
    return next(part for part in answer.text.split('<li class="tile">') if f">{name}<" in part)


def sent(bff: FakeBff, path: str) -> Any:
    return msgspec.json.decode(next(one for one in bff.requests if one.path == path).body)


def test_page_asks_for_what_its_query_says(fragment: Fragment, bff: FakeBff) -> None:
    """Search, provider, kind, order and page reach the BFF; unknown values do not."""
    query = "search=%20lan%20%20tern&provider=lumen&category=slots&sort=rtp&page=3"
    fragment.get(f"/catalogue?{query}", **player())
    assert parse_qs(bff.requests[-1].query) == {
        "search": ["lan tern"], "provider": ["lumen"], "category": ["slots"], "sort": ["rtp"], "page": ["3"]
    }  # fmt: skip
    fragment.get("/catalogue?provider=../x&category=poker&sort=price&page=-1&search=%20", **player())
    assert bff.requests[-1].query == ""


def test_search_is_a_plain_form_that_keeps_what_was_asked(fragment: Fragment, bff: FakeBff) -> None:
    """It goes to the catalogue's page with the slot's parameter names and keeps the chosen kind."""
    page = fragment.get("/catalogue?search=lan&category=crash&sort=name", **player()).text
    assert '<form class="search filters" method="get" action="/games/"' in page
    assert 'name="catalogue.search" value="lan"' in page
    assert '<input type="hidden" name="catalogue.category" value="crash">' in page
    assert '<option value="name" selected>' in page
    shelf = fragment.get("/shelf", **on_the_shelf()).text
    assert 'action="/games/"' in shelf
    assert 'name="catalogue.search"' in shelf


def test_pages_and_kinds_are_links_that_keep_the_search(fragment: Fragment, bff: FakeBff) -> None:
    """Previous, next and each kind keep the search; another kind starts at page one."""
    page = fragment.get("/catalogue?search=lan&page=2", **player()).text
    assert 'href="/games/?catalogue.search=lan&amp;catalogue.page=3" rel="next"' in page
    assert 'href="/games/?catalogue.search=lan" rel="prev"' in page
    assert "Page 2 of 3" in page
    assert 'href="/games/?catalogue.search=lan&amp;catalogue.category=crash"' in page


def test_game_says_its_provider_and_what_it_returns(fragment: Fragment, bff: FakeBff) -> None:
    """The tile has a drawing made from the name; a game that its provider has closed says so and can not be started."""
    page = fragment.get("/catalogue", **player())
    first = tile(page, "Lantern Falls")
    assert re.search(r"Northgate Studios</span> <span[^>]*>96.5 %", first)
    assert '<span class="badge">New</span>' in first
    assert re.search(r'<path class="far" d="M[^"]+"/?>', first)
    assert re.search(r'value="play" disabled>.*<span class="badge">Closed</span>', tile(page, "Moonlit Orchard"))
    assert 'value="unmark" aria-pressed="true"' in tile(page, "Copper Comet")


def test_name_is_cut_at_its_own_end_whichever_way_the_page_is_read(fragment: Fragment, bff: FakeBff) -> None:
    """A name's direction follows its own letters."""
    first = tile(fragment.get("/catalogue", **player()), "Lantern Falls")
    assert '<p class="name" dir="auto">Lantern Falls</p>' in first
    assert '<span class="maker" dir="auto">Northgate Studios</span>' in first


def test_shelf_begins_with_what_was_played_last(fragment: Fragment, bff: FakeBff) -> None:
    """Four games without repetition, and no kind that would show the same."""
    shelf = fragment.get("/shelf", **on_the_shelf())
    names = re.findall(r'<p class="name"[^>]*>([^<]+)<', shelf.text)
    assert (names[0], len(names), len(set(names))) == ("The Clockmaker", 4, 4)
    assert "All 62 games" in words(shelf)
    assert "catalogue.category=crash" in shelf.text
    assert "catalogue.category=recent" not in shelf.text  # they stand there already


def test_shelf_asks_for_as_many_games_as_it_shows(fragment: Fragment, bff: FakeBff) -> None:
    """A list requests a whole page of games, and so does a shelf that has to name the game just marked."""
    shown = fragment.get("/shelf", **on_the_shelf()).text.count('<li class="tile">')
    assert parse_qs(bff.requests[-1].query) == {"limit": [str(shown)]}
    fragment.get("/catalogue", **player())
    assert bff.requests[-1].query == ""
    fragment.post("/actions/game", MARK, **on_the_shelf())
    assert "limit" not in bff.requests[-1].query


def test_visitor_is_led_to_sign_in_and_marks_nothing(fragment: Fragment, bff: FakeBff) -> None:
    """A game links to the sign-in page, which leads back."""
    answer = fragment.get("/catalogue", **VISITOR, podium_mount_pathname="/games/")
    page = answer.text
    assert answer.headers["cache-control"] == "public, max-age=0", "a copy may stand in"
    searched = fragment.get("/catalogue?q=book", **VISITOR)
    assert searched.headers["cache-control"] == "private, no-store", "anybody can ask for any number of these"
    assert 'class="play" href="/sign-in/?next=/games/"' in page
    assert 'method="post"' not in page
    assert "authorization" not in bff.requests[-1].headers


def test_provider_that_is_down_is_named_and_hides_nothing(fragment: Fragment, bff: FakeBff) -> None:
    """The note has the provider and the time; all games stay, and the header names the feed."""
    bff.replies["/views/games"] = reply(view(games_data({"lumen": "down"}), "stale"))
    page = fragment.get("/catalogue", **player())
    assert "Games of Lumen Play may be out of date since 20:13:03 UTC" in words(page)
    assert "Games of Cardinal" not in words(page)
    assert page.headers[headers.STATE].startswith("degraded; reason=feed_stale")
    assert "; upstream=games-lumen" in page.headers[headers.STATE]
    assert page.text.count('<li class="tile">') == len(GAMES) + 1  # one of them was played last


def test_list_that_is_old_is_never_marked_as_well(fragment: Fragment, bff: FakeBff) -> None:
    """Where no provider is named the note says since when no update came."""
    bff.replies["/views/games"] = reply(view(games_data(), "stale"))
    text = fragment.get("/catalogue", authorization=bearer("games")).text
    assert "No word from the catalogue since" in text


def test_list_that_was_not_believed_says_why(fragment: Fragment, bff: FakeBff) -> None:
    """The reason is the BFF's own sentence."""
    data = games_data({"lumen": "stale"})
    held = msgspec.structs.replace(data.providers[1], held="Its last list was far too short.")
    bff.replies["/views/games"] = reply(view(games_data(providers=[held]), "stale"))
    assert "None is hidden. Its last list was far too short." in words(fragment.get("/shelf", **on_the_shelf()))


def test_last_list_stands_in_while_the_bff_says_nothing(fragment: Fragment, bff: FakeBff) -> None:
    """The last answer to the same query is shown with its time; another query has none."""
    fragment.get("/catalogue?search=known", **player())
    bff.replies["/views/games"] = problem(503, "store_down")
    page = fragment.get("/catalogue?search=known", **player())
    assert "No word from the catalogue since 20:14:03 UTC" in words(page)
    assert "Lantern Falls" in words(page)
    assert headers.STATE in page.headers
    other = fragment.get("/catalogue?search=never", **player())
    assert "Games can't be shown right now" in words(other)
    assert other.status == 200


@pytest.mark.parametrize(
    ("query", "says", "leads"),
    [
        ("search=xyz", "No game is called “xyz”", "/games/"),
        ("search=xyz&provider=lumen", "with these filters", "/games/?catalogue.search=xyz"),
        ("category=favourites", "You have no favourites here yet", "/games/"),
        ("category=recent", "You have not played here lately", "/games/"),
        ("provider=lumen", "No game is here at the moment", "/games/"),
    ],
)
def test_empty_list_says_what_to_do(fragment: Fragment, bff: FakeBff, query: str, says: str, leads: str) -> None:
    """The message links to the remedy."""
    bff.replies["/views/games"] = reply(view(games_data(games=[], total=0, page=1, pages=1, recent=[])))
    page = fragment.get(f"/catalogue?{query}", **player())
    assert says in words(page)
    assert f'<a class="button button-quiet" href="{leads}">' in page.text
    assert "No game is here" in words(fragment.get("/shelf", **on_the_shelf()))


@pytest.mark.parametrize("category", ["favourites", "recent"])
def test_visitor_who_asks_for_a_player_s_games_is_invited(fragment: Fragment, bff: FakeBff, category: str) -> None:
    """A bookmarked list of favourites shows a sign-in link instead of an empty list."""
    bff.replies["/views/games"] = reply(view(games_data(games=[], total=0, page=1, pages=1, recent=[])))
    page = fragment.get(f"/catalogue?category={category}", **VISITOR, podium_mount_pathname="/games/")
    assert "Yours are shown when you are signed in" in words(page)
    assert '<a class="button button-quiet" href="/sign-in/?next=/games/">Sign in</a>' in page.text


def test_favourite_without_a_script_goes_back_to_the_list_that_stood_open(fragment: Fragment, bff: FakeBff) -> None:
    """The redirect keeps search and page and has the sequence to read at least."""
    answer = post(fragment, {**MARK, "at": AT}, player())
    assert (answer.status, answer.headers["location"]) == (303, AT)
    assert answer.headers[headers.CHANGED] == "games; sequence=e1:9"
    assert sent(bff, "/commands/set-favourite") == {"game_id": GAMES[0].game_id, "favourite": True}
    [command] = [one for one in bff.requests if one.method == "POST"]
    assert command.headers["idempotency-key"] == "key-0123456789-mark"
    assert post(fragment, {**MARK, "do": "unmark"}, on_the_shelf()).headers["location"] == "/"


def test_favourite_in_its_place_is_read_as_far_as_it_was_written(fragment: Fragment, bff: FakeBff) -> None:
    """The answer is the list with the heart filled and an announcement for screen readers."""
    page = post(fragment, {**MARK, "at": AT, "in_place": "1"}, player())
    assert page.status == 200
    assert 'aria-pressed="true"' in tile(page, "Lantern Falls")
    assert "Lantern Falls is one of your favourites." in words(page)
    assert parse_qs(bff.requests[-1].query) == {"search": ["lan"], "page": ["2"], "min_sequence": ["e1:9"]}
    assert page.headers[headers.RECEIPT] == "rc_game01"


def test_address_to_go_back_to_is_one_of_the_catalogue(fragment: Fragment, bff: FakeBff) -> None:
    """Only the search's own fields are read from the form."""
    answer = post(fragment, {**MARK, "at": "https://evil.example/x?catalogue.search=a%0d%0ab&next=//evil"}, player())
    assert answer.headers["location"] == "/games/?catalogue.search=a+b"


def test_game_that_is_played_is_named_in_a_notice(fragment: Fragment, bff: FakeBff) -> None:
    """A notice that can be closed names it; it is the latest game."""
    bff.replies["/commands/launch-game"] = reply(games_receipt())
    page = post(fragment, {**MARK, "do": "play", "game_id": GAMES[4].game_id, "at": AT}, player())
    assert "The Clockmaker is your latest game." in words(page)
    assert "data-close" in page.text
    assert sent(bff, "/commands/launch-game") == {"game_id": GAMES[4].game_id}


@pytest.mark.parametrize("recent", [[], [GAMES[3]], [GAMES[4], GAMES[3]]])
def test_page_that_was_read_too_early_is_read_again_when_the_played_game_is_the_latest(
    fragment: Fragment, bff: FakeBff, recent: list[Game]
) -> None:
    """The slot has topic and sequence also while the notice is shown."""
    bff.replies["/commands/launch-game"] = reply(games_receipt())
    bff.replies["/views/games"] = reply(view(games_data(recent=recent)))
    page = post(fragment, {**MARK, "do": "play", "game_id": GAMES[4].game_id, "at": AT}, player())
    [ends] = re.findall(r'<span hidden data-live-refetch="player-games\.\w+#recent\.0"[^>]*>', page.text)
    assert f'data-live-value="{recent[0].game_id if recent else ""}" data-live-outcome' in ends


@pytest.mark.parametrize(
    ("reply_", "status", "says"),
    [
        (reply(games_receipt("pending")), 202, "This is being saved."),
        (reply(games_receipt("declined", reason="No.")), 422, "This could not be done. Nothing has changed."),
        (problem(422, "favourites_full", "You have 500 favourites already."), 422, "You have 500 favourites already."),
        (problem(503, "engine_down"), 200, "nothing was sent"),
        (Reply(200, b"{", cut=True), 200, "may or may not have been saved"),
        (problem(401, "context_expired"), 401, ""),
    ],
)
def test_every_answer_of_the_engine_is_shown(
    fragment: Fragment, bff: FakeBff, reply_: Reply, status: int, says: str
) -> None:
    """The list stays, with the result above it."""
    bff.replies["/commands/set-favourite"] = reply_
    page = post(fragment, {**MARK, "at": AT}, player())
    assert page.status == status
    assert says in words(page)
    assert "Copper Comet" in words(page)


@pytest.mark.parametrize(
    ("changes", "who", "status"),
    [
        ({"do": "steal"}, player, 422),
        ({"game_id": "no/thing"}, player, 422),
        ({"idempotency_key": "x"}, player, 422),
        ({}, lambda: VISITOR, 401),
    ],
)
def test_form_that_can_not_be_read_sends_nothing(
    fragment: Fragment, bff: FakeBff, changes: dict[str, str], who: Callable[[], dict[str, str]], status: int
) -> None:
    """The engine receives no command."""
    assert post(fragment, MARK | changes, who()).status == status
    assert [one for one in bff.requests if one.method == "POST"] == []


def test_player_on_a_break_reads_so_and_is_offered_no_game(fragment: Fragment, bff: FakeBff) -> None:
    """The list can be read, and has no button."""
    bff.replies["/views/games"] = reply(view(games_data(), on_break=Break(None)))
    page = fragment.get("/catalogue", **player())
    assert "On a break for good" in words(page)
    assert "Lantern Falls" in words(page)
    assert 'method="post"' not in page.text


def test_nothing_can_be_pressed_while_the_engine_takes_nothing(fragment: Fragment, bff: FakeBff) -> None:
    """The page has the reason; search and links still work."""
    bff.replies["/views/games"] = reply(view(games_data(), commands="paused"))
    page = fragment.get("/catalogue", **player())
    assert "Play and favourites are paused" in words(page)
    assert re.findall(r'<button class="(?:play|heart)"[^>]*(?<! data-paused)>', page.text) == []
    assert page.headers[headers.STATE].startswith("degraded; reason=engine_down")


def test_page_has_a_name_of_its_own(fragment: Fragment, bff: FakeBff) -> None:
    """Kind or search is in the title; pages of a filtered list are `noindex`."""
    whole = read_page_head(fragment.get("/catalogue", **VISITOR).headers[headers.PAGE])
    assert (whole.title, whole.canonical, whole.robots) == ("Games", "/games/", "")
    kind = read_page_head(fragment.get("/catalogue?category=crash", **VISITOR).headers[headers.PAGE])
    assert (kind.title, kind.robots) == ("Crash", "noindex")


def test_view_without_a_right_is_a_sign_in(fragment: Fragment, bff: FakeBff) -> None:
    """A refused scope shows the sign-in card, as in every fragment."""
    bff.replies["/views/games"] = problem(403, "scope_missing")
    assert fragment.get("/shelf", **on_the_shelf()).status == 401


def test_store_that_never_held_a_game_is_no_page_without_words(fragment: Fragment, bff: FakeBff) -> None:
    """Without any data the slot says that games can not be shown."""
    bff.replies["/views/games"] = reply(view(None, "down"))
    page = fragment.get("/shelf", **{**on_the_shelf(), "authorization": bearer("games", player="pl_new")})
    assert "Games can't be shown right now" in words(page)
    assert page.headers[headers.STATE].startswith("degraded; reason=feed_down")


def post(fragment: Fragment, fields: dict[str, str], who: dict[str, str]) -> Answer:
    return fragment.post("/actions/game", fields, **who)
