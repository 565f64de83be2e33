"""The contract of every fragment with a shell: HTML that containment does not change, a fallback, and the headers."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from bff.contracts import headers
from bff.contracts.bets import BetRefusal, BetsData
from bff.contracts.manifest import parse
from bff.contracts.podium_url import resolve
from bff.contracts.tables import TableData, TablesData
from bff.contracts.view import Break
from bff.contracts.wallet import Availability, ReceiptData
from shell.composition.contain import Contained, Container, LinkPolicy
from tests.support.fragments_fake_bff import AS_OF, FakeBff, problem, reply, view
from tests.support.fragments_games import GAMES, games_data, games_receipt
from tests.support.fragments_house import Answer, Fragment, bearer
from tests.support.fragments_samples import (
    bet,
    history_data,
    limits_data,
    offers,
    open_table,
    receipt,
    table,
    tables,
    wallet_data,
)

pytestmark = pytest.mark.quick

KEY = {"idempotency_key": "key-0123456789"}
# As a shell whose MEDIA_ORIGINS names where the tables' video comes from.
LINKS = LinkPolicy(media_origins=frozenset({"http://provider.example"}))
PAUSED = Availability(False, "Deposits are paused.")
FORBIDDEN = re.compile(r"<script|<style|<link|\sstyle=|\son\w+=|hx-on|javascript:|https?://", re.IGNORECASE)
ACTED = {"done", "lost", "down", "refused", "marked", "fallback"}
ON_A_BREAK = {
    "wallet": ("/summary", "/cashier", "/history", "/limits"),
    "promotions": ("/offers",),
    "games": ("/shelf", "/catalogue"),
    "live_dealer": ("/slip/205",),
}
WITH_FORMS = {**ON_A_BREAK, "wallet": ("/cashier", "/limits")}
FORM_KEY = re.compile(r'<input type="hidden" name="idempotency_key" value="([^"]*)">')
# What the time of day makes of the same figures.
MOVING = re.compile(r"<time[^>]*>[^<]*</time>|data-server-now=\"[^\"]*\"")
VOID = {"input", "br", "hr", "img", "meta", "link"}

Page = tuple[str, str, Answer]
Houses = dict[str, tuple[Fragment, FakeBff]]


@pytest.fixture(scope="module")
def houses() -> Iterator[Houses]:
    """Every fragment, each with a fake BFF."""
    with ExitStack() as stack:
        started = {}
        for room in ("wallet", "live_dealer", "promotions", "games"):
            bff = stack.enter_context(FakeBff())
            started[room] = (stack.enter_context(Fragment(room, bff.url)), bff)
        yield started


@pytest.fixture(scope="module")
def pages(houses: Houses) -> list[Page]:
    """(fragment, state, answer) for every state that a slot can be in."""
    return [
        *wallet_pages(*houses["wallet"]),
        *table_pages(*houses["live_dealer"]),
        *offer_pages(*houses["promotions"]),
        *game_pages(*houses["games"]),
        *break_pages(houses),
    ]


def headers_of(name: str) -> dict[str, str]:
    return {
        "authorization": bearer(name),
        "podium_locale": "en-GB",
        "podium_currency": "EUR",
        "mullion_grant": "a-game-token",
        "podium_public_pathname": f"/slots/lobby/{name}",
        "podium_mount_pathname": "/",
    }


def break_pages(houses: Houses) -> Iterator[Page]:
    """Every page of a player who is on a break."""
    pause = Break(AS_OF + timedelta(days=7))
    answers = {
        "/views/wallet": view(wallet_data(deposit=Availability(False, "No.", own=True)), on_break=pause),
        "/views/history": view(history_data(), on_break=pause),
        "/views/limits": view(limits_data(), on_break=pause),
        "/views/promotions": view(offers(), on_break=pause),
        "/views/games": view(games_data(), on_break=pause),
        "/views/tables/205": view(TableData(open_table()), on_break=pause),
    }
    for room, paths in ON_A_BREAK.items():
        fragment, bff = houses[room]
        bff.replies = {path: reply(answer) for path, answer in answers.items()}
        for path in paths:
            name = room.replace("_", "-")
            yield name, f"on a break {path}", fragment.get(path, **headers_of(name))


def wallet_pages(wallet: Fragment, bff: FakeBff) -> Iterator[Page]:
    answers = {
        "fresh": reply(view(wallet_data())),
        "stale": reply(view(wallet_data(), "stale")),
        "closed": reply(view(wallet_data(deposit=PAUSED))),
        "unreachable": problem(503, "store_down"),
    }
    for state, answer in answers.items():
        bff.replies["/views/wallet"] = answer
        for path in ("/summary", "/cashier"):
            yield "wallet", f"{state} {path}", wallet.get(path, **headers_of("wallet"))
    yield from more_wallet_pages(wallet, bff)
    bff.replies["/views/wallet"] = reply(view(wallet_data()))
    commands = {"done": reply(receipt()), "lost": reply(receipt(), cut=True), "down": problem(503, "engine_down")}
    for state, answer in commands.items():
        bff.replies["/commands/deposit"] = answer
        yield "wallet", state, wallet.post("/actions/deposit", {"amount": "20", **KEY}, **headers_of("wallet"))
    hostile = {"amount": '"><script>alert(1)</script>', **KEY}
    yield "wallet", "refused", wallet.post("/actions/deposit", hostile, **headers_of("wallet"))
    bff.replies["/views/wallet"] = reply(view(wallet_data(held_minor=4_000), commands="paused"))
    bff.replies["/views/limits"] = reply(view(limits_data(), commands="paused"))
    for path in ("/summary", "/cashier", "/limits"):
        yield "wallet", f"paused {path}", wallet.get(path, **headers_of("wallet"))
    yield "wallet", "anonymous", wallet.get("/summary", podium_mount_pathname="/")
    yield "wallet", "fallback", wallet.get("/fallback")


def more_wallet_pages(wallet: Fragment, bff: FakeBff) -> Iterator[Page]:
    """Held withdrawals, the history and the limits."""
    withdraw = Availability(False, "There is nothing to withdraw.", own=True)
    bff.replies["/views/wallet"] = reply(view(wallet_data(withdraw=withdraw, held_minor=4_000)))
    yield "wallet", "held", wallet.get("/cashier", **headers_of("wallet"))
    bff.replies["/views/receipts/rc_0a1b2c"] = reply(view(ReceiptData(receipt("pending", command="withdraw"))))
    answers = {
        "fresh": (reply(view(history_data())), reply(view(limits_data()))),
        "stale": (reply(view(history_data(), "stale")), reply(view(limits_data(), "stale"))),
        "closed": (
            reply(view(history_data(lines=0))),
            reply(view(limits_data(PAUSED), on_break=Break(AS_OF + timedelta(days=7)))),
        ),
        "unreachable": (problem(503, "store_down"), problem(503, "store_down")),
    }
    for state, (history, limits) in answers.items():
        bff.replies |= {"/views/history": history, "/views/limits": limits}
        for path in ("/history", "/history?kind=play&line=rc_0a1b2c", "/history?line=rc_gone", "/limits"):
            yield "wallet", f"{state} {path}", wallet.get(path, **headers_of("wallet"))
    bff.replies["/views/limits"] = reply(view(limits_data()))
    bff.replies["/commands/set-deposit-limit"] = reply(receipt(command="set-deposit-limit"))
    yield (
        "wallet",
        "done",
        wallet.post("/actions/limit", {"period": "day", "amount": "5", **KEY}, **headers_of("wallet")),
    )
    yield (
        "wallet",
        "refused",
        wallet.post("/actions/limit", {"period": "day", "amount": "x", **KEY}, **headers_of("wallet")),
    )
    yield "wallet", "refused", wallet.post("/actions/break", {"days": "7", **KEY}, **headers_of("wallet"))
    bff.replies["/commands/cancel-withdrawal"] = problem(409, "withdrawal_decided", "This was paid already.")
    yield "wallet", "refused", wallet.post("/actions/cancel", {"receipt_id": "rc_1", **KEY}, **headers_of("wallet"))


def table_pages(live: Fragment, bff: FakeBff) -> Iterator[Page]:
    one = table("201", "Harbour Roulette", "roulette")
    for state in ("live", "stale", "down"):
        bff.replies["/views/tables"] = reply(view(TablesData(tables()), state))  # type: ignore[arg-type]
        bff.replies["/views/tables/201"] = reply(view(TableData(one), state))  # type: ignore[arg-type]
        for path in ("/grid", "/grid/all", "/grid/baccarat", "/table/201"):
            yield "live-dealer", f"{state} {path}", live.get(path, **headers_of("live-dealer"))
    yield from betting_pages(live, bff)
    bff.replies = {}
    yield "live-dealer", "unknown", live.get("/table/zzz", **headers_of("live-dealer"))
    yield "live-dealer", "fallback", live.get("/fallback")


def betting_pages(live: Fragment, bff: FakeBff) -> Iterator[Page]:
    playing = open_table()
    bff.replies["/views/tables/205"] = reply(view(TableData(playing)))
    bff.replies["/v1/bets"] = reply(BetsData([bet("accepted"), bet("won"), bet("lost"), bet("returned")]))
    for path in ("/table/205", "/slip/205", "/bets/205"):
        yield "live-dealer", f"playing {path}", live.get(path, **headers_of("live-dealer"))
    yield "live-dealer", "visitor", live.get("/slip/205", podium_mount_pathname="/tables/205/")
    form = {"side": "red", "stake": "500", "closes_at": str(playing.bets_close_at), **KEY}
    answers = {
        "done": reply(bet("accepted")),
        "lost": reply(bet("accepted"), cut=True),
        "refused": problem(422, BetRefusal.NOT_ENOUGH_MONEY),
        "down": problem(503, "wallet_unavailable"),
    }
    for state, answer in answers.items():
        bff.replies["/v1/bets"] = answer
        yield "live-dealer", state, live.post("/actions/bet/205", form, **headers_of("live-dealer"))
    bff.replies["/v1/bets"] = problem(503, "wallet_unavailable")
    yield "live-dealer", "unreachable", live.get("/bets/205", **headers_of("live-dealer"))
    bff.replies["/views/tables/205"] = reply(view(TableData(playing), commands="paused"))
    yield "live-dealer", "paused", live.get("/slip/205", **headers_of("live-dealer"))
    bff.replies["/views/tables/205"] = reply(view(TableData(playing), "stale"))
    yield "live-dealer", "late", live.get("/slip/205", **headers_of("live-dealer"))


def offer_pages(promotions: Fragment, bff: FakeBff) -> Iterator[Page]:
    for state in ("live", "stale"):
        bff.replies["/views/promotions"] = reply(view(offers(), state))  # type: ignore[arg-type]
        yield "promotions", state, promotions.get("/offers", **headers_of("promotions"))
    bff.replies["/views/promotions"] = reply(view(offers(), commands="paused"))
    yield "promotions", "paused", promotions.get("/offers", **headers_of("promotions"))
    bff.replies["/views/promotions"] = reply(view(offers()))
    bff.replies["/commands/claim-promotion"] = problem(503, "engine_down")
    yield (
        "promotions",
        "down",
        promotions.post("/actions/claim", {"promotion_id": "pr_first", **KEY}, **headers_of("promotions")),
    )
    bff.replies["/commands/claim-promotion"] = problem(422, "not_eligible", "<b>No.</b>")
    refused = promotions.post("/actions/claim", {"promotion_id": "pr_first", **KEY}, **headers_of("promotions"))
    yield "promotions", "refused", refused
    bff.replies = {"/views/promotions": problem(503, "store_down")}
    yield "promotions", "unreachable", promotions.get("/offers", **headers_of("promotions"))
    yield "promotions", "fallback", promotions.get("/fallback")


def game_pages(games: Fragment, bff: FakeBff) -> Iterator[Page]:
    sent, own = {"game_id": GAMES[0].game_id, **KEY}, headers_of("games")
    for state in ("live", "stale", "down"):
        late = {} if state == "live" else {"lumen": state}
        bff.replies["/views/games"] = reply(view(games_data(late), state))  # type: ignore[arg-type]
        for path in ("/shelf", "/catalogue?search=a"):
            yield "games", f"feed {state}", games.get(path, **own)
    bff.replies["/views/games"] = reply(view(games_data(games=[], total=0)))
    yield "games", "empty", games.get("/catalogue?search=xyz", **own)
    bff.replies["/views/games"] = reply(view(games_data(), commands="paused"))
    yield "games", "paused", games.get("/shelf", **own)
    bff.replies["/views/games"] = reply(view(games_data()))
    bff.replies["/commands/launch-game"] = reply(games_receipt())
    yield "games", "done", games.post("/actions/game", sent | {"do": "play"}, **own)
    bff.replies["/commands/set-favourite"] = reply(games_receipt())
    yield "games", "marked", games.post("/actions/game", sent | {"do": "mark", "in_place": "1"}, **own)
    bff.replies["/commands/set-favourite"] = problem(503, "engine_down")
    yield "games", "refused", games.post("/actions/game", sent | {"do": "mark"}, **own)
    bff.replies = {"/views/games": problem(503, "store_down")}
    yield "games", "unreachable", games.get("/catalogue?search=never", **own)
    yield "games", "fallback", games.get("/fallback")


def each(pages: list[Page], check: Callable[[str, Answer], None]) -> None:
    """Run `check` over all states; a failure names its state."""
    for name, state, answer in pages:
        try:
            check(name, answer)
        except AssertionError as error:
            raise AssertionError(f"{name}, {state}: {error}") from error


def test_page_is_the_same_each_time_where_the_shell_fills_in_the_keys_of_forms(houses: Houses) -> None:
    """Equal bodies are contained once; in other layouts each form has a new key of its own."""
    answers = {
        "/views/wallet": view(wallet_data(held_minor=4_000)),
        "/views/limits": view(limits_data()),
        "/views/promotions": view(offers()),
        "/views/games": view(games_data()),
        "/views/tables/205": view(TableData(open_table())),
    }
    for room, paths in WITH_FORMS.items():
        fragment, bff = houses[room]
        before, bff.replies = bff.replies, {path: reply(answer) for path, answer in answers.items()}
        sent = headers_of(room.replace("_", "-"))
        for path in paths:
            left, again = (fragment.get(path, **sent, mullion_form_keys="shell").text for _ in range(2))
            assert set(FORM_KEY.findall(left)) == {""}, path
            assert MOVING.sub("", left) == MOVING.sub("", again), path
            own = [FORM_KEY.findall(fragment.get(path, **sent).text) for _ in range(2)]
            assert len(own[0]) == len(FORM_KEY.findall(left)), path
            assert len({*own[0], *own[1]}) == 2 * len(own[0]), path
        bff.replies = before


def test_containment_leaves_every_state_as_it_is(pages: list[Page]) -> None:
    """The shell's containment drops and rewrites nothing."""

    def check(name: str, answer: Answer) -> None:
        contained = Container().contain(
            answer.text.encode(),
            answer.headers["content-type"],
            prefix=f"/slots/lobby/{name}",
            isolation="shadow",
            links=LINKS,
        )
        assert isinstance(contained, Contained), contained
        assert contained.notes == ()

    each(pages, check)


def test_no_state_holds_script_inline_style_or_foreign_address(pages: list[Page]) -> None:
    """Style and script are declared assets, and nothing but a picture's data points to another origin."""
    each(pages, lambda _, answer: _no_match(re.sub(r'data-stream="[^"]*"', "", answer.text)))


def _no_match(html: str) -> None:
    found = FORBIDDEN.search(html)
    assert found is None, found


class Outline(HTMLParser):
    """Open elements, headings, ids, references and controls of one document."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.levels: list[int] = []
        self.ids: list[str] = []
        self.wanted: set[str] = set()
        self.statuses = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        found = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        if "id" in found:
            self.ids.append(found["id"])
        for name in ("aria-labelledby", "aria-describedby", "for"):
            self.wanted.update((found.get(name) or "").split())
        # A picture speaks for itself, and says nothing while it is well.
        self.statuses += found.get("role") == "status" and "data-stream-words" not in found

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing"


def test_every_state_is_sound_html(pages: list[Page]) -> None:
    """Elements are closed, ids are unique, references resolve, and headings start at h2 without skipping a level."""

    def check(_: str, answer: Answer) -> None:
        outline = Outline(answer.text)
        assert outline.open == []
        assert len(outline.ids) == len(set(outline.ids)), outline.ids
        assert outline.wanted <= set(outline.ids), outline.wanted - set(outline.ids)
        assert outline.levels, "no heading"
        assert outline.levels[0] == 2, outline.levels
        assert all(after - before <= 1 for before, after in zip(outline.levels, outline.levels[1:], strict=False))

    each(pages, check)


def test_degraded_states_say_so_once(pages: list[Page]) -> None:
    """A degraded answer has one `role="status"` beside its `Fragment-State`; a fresh one has none."""

    def check(_: str, answer: Answer) -> None:
        assert Outline(answer.text).statuses == int(headers.STATE in answer.headers)

    each([page for page in pages if page[1] not in ACTED], check)


class Forms(HTMLParser):
    """The forms of one document whose button can be pressed, and those that an open page could not close. A form that
    only requests a page is neither.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.pressable: list[str] = []
        self.unheeding: list[str] = []
        self._needs: list[bool] = []
        self._form = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        found = dict(attrs)
        if tag not in VOID:
            self._needs.append("engine" in (found.get("data-needs") or "").split())
        if tag == "form" and found.get("method") == "post":
            self._form = found.get("action", "")
            if not any(self._needs):
                self.unheeding.append(self._form)
        if tag == "button" and self._form and "disabled" not in found:
            self.pressable.append(self._form)

    def handle_endtag(self, tag: str) -> None:
        self._needs.pop()
        if tag == "form":
            self._form = ""


def test_nothing_that_needs_the_engine_can_be_pressed_while_it_takes_no_commands(pages: list[Page]) -> None:
    """With a view that is `paused` there is no button to press, one status, and the reason."""
    paused = [page for page in pages if page[1].startswith("paused")]
    assert {name for name, _, _ in paused} == {"wallet", "live-dealer", "promotions", "games"}

    def check(_: str, answer: Answer) -> None:
        assert Forms(answer.text).pressable == []
        assert answer.headers[headers.STATE].startswith("degraded; reason=engine_down")
        assert "are paused: the cashier can not be reached right now." in answer.text

    each(paused, check)


def test_every_form_can_be_closed_on_an_open_page(pages: list[Page]) -> None:
    """Each is inside an element that follows the engine's state; checking a lost bet again is always possible."""

    def check(_: str, answer: Answer) -> None:
        assert "may or may not be in" in answer.text or Forms(answer.text).unheeding == []

    each(pages, check)


def test_result_of_a_command_can_be_closed(pages: list[Page]) -> None:
    """A link to the page without the message works without a script."""
    for name, state, answer in pages:
        closing = answer.text.count("data-close>Close</a>")
        assert closing == len(re.findall(r" data-outcome[ >]", answer.text)), f"{name}, {state}"
        assert closing or state not in {"done", "lost", "down"}, f"{name}, {state}"


def test_result_of_an_action_is_announced(pages: list[Page]) -> None:
    """After an action the slot has a live region with the result."""
    for name, state, answer in pages:
        if state in ACTED - {"fallback"}:
            assert Outline(answer.text).statuses > 0 or 'role="alert"' in answer.text, f"{name}, {state}"


def test_fallbacks_hold_words_and_no_data(pages: list[Page]) -> None:
    """A fallback says that the fragment is away, without figures or forms."""
    for name, state, answer in pages:
        if state == "fallback":
            words = re.sub(r"<[^>]+>", " ", answer.text)
            assert 'role="status"' in answer.text, name
            assert not re.search(r"\d", words), name
            assert "<form" not in answer.text, name


@pytest.mark.parametrize("room", ["wallet", "live_dealer", "promotions", "games"])
def test_manifest_leads_to_what_it_names(houses: Houses, room: str) -> None:
    """Content, fallback and assets are found by Podium's URL rule, with the manifest's version."""
    fragment, _ = houses[room]
    body = fragment.get("/manifest.json")
    manifest = parse(body.text.encode())
    assert body.headers[headers.VERSION] == manifest.version
    assets = [asset.value for asset in [*manifest.css, *manifest.js]]
    for value in [manifest.content, manifest.fallback, *assets]:
        target = resolve("/manifest.json", value)
        assert fragment.get(target).status == 200, value
    assert fragment.get("/").headers[headers.VERSION] == manifest.version


def test_player_on_a_break_reads_one_word_and_its_end_in_every_fragment(pages: list[Page]) -> None:
    """Each slot has the same sentence once, and offers no deposit, claim or bet."""
    shown = [(name, state, answer) for name, state, answer in pages if state.startswith("on a break")]
    assert len(shown) == sum(map(len, ON_A_BREAK.values()))

    def check(_: str, answer: Answer) -> None:
        assert headers.STATE not in answer.headers
        words = re.findall(r'<strong>(On a break until) <time datetime="([^"]+)">([^<]+)</time></strong>', answer.text)
        assert words == [("On a break until", "2026-03-21T20:14:03.000Z", "21 Mar 2026, 20:14 UTC")]
        assert not re.search("excluded|taking a break|offers run|Red or black", answer.text)
        offered = [
            each for each in Forms(answer.text).pressable if re.search("/actions/(deposit|claim|bet|game)", each)
        ]
        assert offered == []

    each(shown, check)


class Claims(HTMLParser):
    """The words of one document that a stale copy of it would still show."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words = ""
        self._hidden: list[bool] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in VOID:
            self._hidden.append("data-now" in dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        self._hidden.pop()

    def handle_data(self, data: str) -> None:
        if not any(self._hidden):
            self.words += data


def test_stale_copy_of_any_state_claims_nothing_of_this_moment(pages: list[Page]) -> None:
    """Text that is only true at the time of rendering is marked, so that the shell can hide it in a stale copy."""
    pattern = re.compile(
        r"Up to date|\bOpen\b|\bplaying\b|of \d+ (open|seats)|offers? runs?\b|Ends in|of \d+ open|No word"
    )
    whole = " ".join(answer.text for _, state, answer in pages if state not in ACTED)
    assert len(set(re.findall(r"Up to date|Ends in|playing|offers run", whole))) == 4, (
        "the states show what is looked for"
    )

    def check(_: str, answer: Answer) -> None:
        found = pattern.search(" ".join(Claims(answer.text).words.split()))
        assert found is None, found

    each([page for page in pages if page[1] not in ACTED], check)
