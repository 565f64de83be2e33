"""Catalogues of games from the sandbox's three protocols to a real query store."""

import asyncio
import contextlib
import json

import httpx
import pytest

from bff.contracts.games import GAMES_PROVIDERS, GameState, ProviderCatalogue, catalogue_topic, games_part_topic
from bff.feeds.games.catalogue import PARTS
from bff.feeds.games.feed import GamesFeed
from bff.feeds.games.lantern import LanternSource
from bff.feeds.games.oakmill import HEAD, OakmillSource
from bff.feeds.games.source import Batch, SourceFailed
from bff.feeds.games.tidewheel import TidewheelSource
from bff.feeds.health import FeedHealth
from bff.feeds.policy import GamesPolicy
from bff.resilience.reason import Reason
from bff.sandbox.clock import SandboxClock
from bff.sandbox.games import tidewheel as stream_module
from bff.sandbox.games.server import CSV_PATH, LIST_PATH, PUSH_PATH, GamesProvider
from bff.sandbox.http import HttpRequest, HttpResponse, Provider
from bff.store import Store
from tests.support import feeds_rig
from tests.support.feeds_rig import PATIENT, QUICK, running, serving
from tests.support.valkey_server import ValkeyServer

POLICY = GamesPolicy(
    list_poll_s=0.1, csv_poll_s=0.1, list_deadline_ms=3000, held_poll_s=0.1, write_s=0.05, silence_s=2.0, slice_ms=0
)
COUNTS = {"lantern": 80, "tidewheel": 60, "oakmill": 40}
START = 1_700_000_000.0
SECRET = "a-secret-of-a-test"


@pytest.fixture(scope="module")
def server():
    with ValkeyServer() as started:
        yield started


@pytest.fixture
async def store(server):
    server.flush()
    opened = Store.connect(server.url, PATIENT)
    yield opened
    await opened.aclose()


@pytest.fixture
def provider(monkeypatch):
    monkeypatch.setattr(stream_module, "BEAT_S", 0.1)
    monkeypatch.setattr(stream_module, "CHANGE_S", 0.2)
    monkeypatch.setattr(stream_module, "PAGE", 25)
    return GamesProvider("seed", SECRET, SandboxClock(START), COUNTS, csv_s=0.05)


async def until(condition, why="it"):
    """No test here is about speed."""
    await feeds_rig.until(condition, within_s=60.0, why=why)


def feed_of(store, provider_id, port, owner="one"):
    feed = GamesFeed(store, provider_id, provider_id.capitalize(), owner, POLICY, QUICK)
    feed.source = source_of(provider_id, port, feed.health)
    return feed


def source_of(provider_id, port, health, secret=SECRET):
    url = f"http://127.0.0.1:{port}"
    if provider_id == "lantern":
        return LanternSource(url + LIST_PATH, "mullion-demo", secret, health, POLICY)
    if provider_id == "tidewheel":
        return TidewheelSource(url + PUSH_PATH, health, POLICY)
    return OakmillSource(url + CSV_PATH, health, POLICY)


async def games_in(store, provider_id):
    records = await store.get_many([games_part_topic(provider_id, part) for part in range(PARTS)])
    return {game.code: game for each in records.values() if each for game in each.decode(list[GameState])}


async def head_in(store, provider_id):
    record = await store.get(catalogue_topic(provider_id))
    return record.decode(ProviderCatalogue) if record else None


def holds_all(store, provider_id):
    async def holds():
        head = await head_in(store, provider_id)
        return head is not None and head.count == COUNTS[provider_id] and len(await games_in(store, provider_id))

    return holds


def is_state(store, provider_id, wanted):
    async def holds():
        return (await store.freshness(f"games-{provider_id}")).state == wanted

    return holds


def number_of(code):
    """The sandbox's number of a game, from the provider's id for it."""
    return int(code[2:]) - 1000 if code.startswith("OM") else int(code.removeprefix("lw_"))


async def test_three_protocols_end_in_one_shape(store, provider):
    """The same fields, whatever a provider calls them and however it writes them down."""
    async with serving(provider) as port, contextlib.AsyncExitStack() as feeds:
        for provider_id in GAMES_PROVIDERS:
            await feeds.enter_async_context(running(feed_of(store, provider_id, port).run()))
        numbered = {each: {game.number: game for game in games} for each, games in provider.games.items()}
        for provider_id in GAMES_PROVIDERS:
            await until(holds_all(store, provider_id), why=provider_id)
            await until(is_state(store, provider_id, "live"), why=provider_id)
            for game in (await games_in(store, provider_id)).values():
                theirs = numbered[provider_id][number_of(game.code)]
                assert (game.name, game.released_at.date()) == (theirs.name, theirs.released)
                assert game.rtp in (None, theirs.rtp)
                assert game.volatility == {1: "low", 2: "low", 3: "medium", 4: "high", 5: "high"}[theirs.volatility]


@pytest.mark.parametrize(
    ("provider_id", "fault", "reason"),
    [
        ("lantern", "list_error", "upstream_error"),
        ("lantern", "list_silence", "timeout"),
        ("lantern", "list_half", "feed_stale"),
        ("tidewheel", "push_silence", "timeout"),
        ("tidewheel", "push_purge", "feed_stale"),
        ("tidewheel", "push_close", "unauthorised"),
        ("oakmill", "csv_error", "upstream_error"),
        ("oakmill", "csv_cut", "feed_stale"),
        ("oakmill", "csv_half", "feed_stale"),
        ("oakmill", "csv_empty", "feed_stale"),
    ],
)
async def test_a_provider_that_fails_or_lies_takes_no_game_away_and_heals(store, provider, provider_id, fault, reason):
    """It is stale and says why; its games stay, but for the few that a list may lose, and are all back after it."""
    async with serving(provider) as port:
        feed = feed_of(store, provider_id, port)
        async with running(feed.run()):
            await until(holds_all(store, provider_id))
            await until(is_state(store, provider_id, "live"))
            provider.switch.set(fault, for_s=600)
            await until(is_state(store, provider_id, "stale"))
            await until(lambda: failing_with(store, provider_id, reason))
            assert len(await games_in(store, provider_id)) >= 0.8 * COUNTS[provider_id]
            if reason == "feed_stale":
                await until(lambda: shows_held(store, provider_id))
            provider.switch.set("none", for_s=1)
            await until(is_state(store, provider_id, "live"))
            await until(holds_all(store, provider_id))
            assert (await head_in(store, provider_id)).held == ""


async def failing_with(store, provider_id, reason):
    return (await store.freshness(f"games-{provider_id}")).detail == reason


async def test_changes_that_were_left_out_are_made_good_by_the_next_snapshot(store, provider):
    """A number that is missing ends the connection; the games are as the provider has them all the same."""
    async with serving(provider) as port:
        feed = feed_of(store, "tidewheel", port)
        async with running(feed.run()):
            await until(holds_all(store, "tidewheel"))
            provider.switch.set("push_gap", for_s=600)
            await until(lambda: feed.health.report()["messages"].get("bad", 0) >= 3)
            provider.switch.set("none", for_s=1)
            provider.clock.set(held=True)

            async def agrees():
                games = await games_in(store, "tidewheel")
                return all(games[str(each.number)].playable is each.open for each in provider.games["tidewheel"])

            await until(agrees)


async def shows_held(store, provider_id):
    return "not believed" in (await head_in(store, provider_id)).held


async def test_lies_about_single_games_change_those_alone(store, provider):
    """A giant name, codes twice, rows that are none and another provider's names: its other games are as they were."""
    async with serving(provider) as port:
        feed = feed_of(store, "lantern", port)
        async with running(feed.run()):
            await until(holds_all(store, "lantern"))
            before = await games_in(store, "lantern")
            provider.switch.set("list_lying", for_s=600)
            await until(lambda: feed.health.report()["messages"].get("bad", 0) > 50)
            provider.games["lantern"][9].name = "A name that changed"
            await until(lambda: named(store, "lw_00010", "A name that changed"))
            after = await games_in(store, "lantern")
    assert {code for code in before if before[code] != after.get(code)} == {"lw_00010"}
    assert await games_in(store, "tidewheel") == {}


async def named(store, code, name):
    return (await games_in(store, "lantern"))[code].name == name


async def test_a_successor_takes_over_and_a_flushed_store_is_filled_again(store, server, provider):
    """One reads; when it ends another does. What the store lost is written without asking the provider for it."""
    async with serving(provider) as port:
        async with running(feed_of(store, "oakmill", port, "one").run()):
            await until(holds_all(store, "oakmill"))
            second = feed_of(store, "oakmill", port, "two")
            async with running(second.run()):
                assert not second.health.leading
        third = feed_of(store, "oakmill", port, "three")
        async with running(third.run()):
            await until(lambda: third.health.leading)
            await until(is_state(store, "oakmill", "live"))
            server.flush()
            await until(holds_all(store, "oakmill"))
            await until(is_state(store, "oakmill", "live"))


async def test_what_the_store_did_not_take_is_written_again(store, server, provider):
    async with serving(provider) as port:
        feed = feed_of(store, "lantern", port)
        async with running(feed.run()):
            await until(holds_all(store, "lantern"))
            server.stop()
            provider.games["lantern"][4].name = "Said while the store was away"
            await asyncio.sleep(0.5)
            server.start()
            await until(holds_all(store, "lantern"))
            await until(lambda: named(store, "lw_00005", "Said while the store was away"))


async def test_a_list_asked_for_under_another_secret_is_refused(provider):
    async with serving(provider) as port:
        source = source_of("lantern", port, FeedHealth("games-test", QUICK), "another secret")
        with pytest.raises(SourceFailed) as failed:
            await source.read(Noted())
        await source.aclose()
    assert failed.value.reason is Reason.UNAUTHORISED


class Noted:
    """A store that accepts everything."""

    def __init__(self):
        self.batch = Batch({})

    def take_all(self, batch):
        self.batch = batch

    def take_one(self, game):
        self.batch.games[game.code] = game

    def remove(self, code):
        self.batch.games.pop(code, None)

    def alive(self):
        """Records that the provider was heard."""


class Answering(Provider):
    """Answers every request with one answer, and a socket with messages."""

    def __init__(self, response=None, messages=()):
        super().__init__("answering", SandboxClock(START))
        self.response = response
        self.messages = messages

    async def answer(self, request: HttpRequest) -> HttpResponse:
        return self.response

    async def websocket(self, scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        for message in self.messages:
            await send({"type": "websocket.send", "text": message if isinstance(message, str) else json.dumps(message)})
        await receive()


ROW = "OM1;Süßer Kürbis;Automatenspiel;96,12;hoch;02.01.2020;ja"
TABLE = ";".join(HEAD) + "\r\n"


@pytest.mark.parametrize(
    ("kind", "body", "found"),
    [
        ("text/csv; charset=windows-1252", (TABLE + ROW).encode("windows-1252"), "Süßer Kürbis"),
        ("text/csv", b"\xef\xbb\xbf" + (TABLE + ROW).encode(), "Süßer Kürbis"),
        ("text/csv; charset=utf-8", (TABLE + ROW).encode("windows-1252"), Reason.ENCODING),
        ("text/csv; charset=utf-7", TABLE.encode(), Reason.CONTENT_TYPE),
        ("text/html", b"<html>", Reason.CONTENT_TYPE),
        ("text/csv", b"a;b\r\n1;2", Reason.CONTENT_TYPE),
        ("text/csv", b"", Reason.CONTENT_TYPE),
        ("text/csv", (TABLE + '"' + "x" * 200_000).encode(), Reason.ENCODING),
    ],
)
async def test_a_file_is_read_in_the_character_set_that_it_names(kind, body, found):
    """Nothing is guessed: another kind, another set or another head is no file of this provider."""
    answer = HttpResponse(200, body, {"content-type": kind})
    noted, health = Noted(), FeedHealth("games-test", QUICK)
    async with serving(Answering(answer)) as port:
        source = source_of("oakmill", port, health)
        if isinstance(found, Reason):
            with pytest.raises(SourceFailed) as failed:
                await source.read(noted)
            assert failed.value.reason is found
        else:
            await source.read(noted)
            assert [game.name for game in noted.batch.games.values()] == [found]
        await source.aclose()


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("OM1;Name;Automatenspiel;;;;ja", ""),
        ("OM1;Name;Automatenspiel;96,12;hoch;31.02.2030;ja", "Erschienen is no day"),
        ("OM1;Name;Automatenspiel;viel;hoch;;ja", "Auszahlung is not a number"),
        ("OM1;Name;Automatenspiel;;;;vielleicht", "Aktiv is neither"),
        ("OM1;Name", "2 columns"),
    ],
)
async def test_a_row_of_the_file_is_refused_by_column(row, why):
    noted, health = Noted(), FeedHealth("games-test", QUICK)
    async with serving(Answering(HttpResponse(200, (TABLE + row).encode(), {"content-type": "text/csv"}))) as port:
        source = source_of("oakmill", port, health)
        await source.read(noted)
        await source.aclose()
    assert (list(noted.batch.games) == ["OM1"]) is (why == "")
    assert all(why in bad["why"] for bad in health.report()["bad"])


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, b"[", Reason.CONTENT_TYPE),
        (200, b'{"error": "RS_ERROR_UNKNOWN"}', Reason.CONTENT_TYPE),
        (404, b"", Reason.NOT_FOUND),
        (418, b"", Reason.REJECTED),
    ],
)
async def test_a_list_that_is_none_fails_with_its_reason(status, body, reason):
    async with serving(Answering(HttpResponse(status, body))) as port:
        source = source_of("lantern", port, FeedHealth("games-test", QUICK))
        with pytest.raises(SourceFailed) as failed:
            await source.read(Noted())
        await source.aclose()
    assert failed.value.reason is reason


async def test_a_provider_that_wants_to_be_left_alone_says_for_how_long():
    async with serving(Answering(HttpResponse(429, b"", {"retry-after": "3"}))) as port:
        source = source_of("lantern", port, FeedHealth("games-test", QUICK))
        with pytest.raises(SourceFailed) as failed:
            await source.read(Noted())
        await source.aclose()
    assert failed.value.retry_after_s == pytest.approx(3, abs=1)


def item(number=1, **other):
    return {"id": number, "title": "Deep Cove", "type": "SLOT", "rtp": 0.96, "variance": 3, "status": "open"} | other


def page(*items, number=0, page=1, pages=1):
    return {"type": "snapshot", "page": page, "pages": pages, "seq": number, "items": list(items)}


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        (["{"], "truncated"),
        ([[]], "not an object"),
        ([{"type": "heartbeat", "seq": 1}], "before the whole snapshot"),
        ([page(page=2, pages=2)], "a page of the snapshot is missing"),
        ([{**page(), "items": None}], "a page of the snapshot is missing"),
        (
            [page(*[1] * 3000, pages=3), page(*[1] * 3000, page=2, pages=3), page(1, page=3, pages=3)],
            "more than 6000 rows",
        ),
        ([page(), {"type": "heartbeat", "seq": 2}], "is at 2"),
        ([page(), {"type": "upsert", "seq": 2, "item": item()}], "2 came after 0"),
        ([page(), {"type": "renamed", "seq": 1}], "type is none that is known"),
    ],
)
async def test_a_stream_that_can_not_be_followed_is_left_and_begun_anew(messages, why):
    """What was missed may have been anything, so the next connection begins with everything."""
    health = FeedHealth("games-test", QUICK)
    async with serving(Answering(messages=messages)) as port:
        with pytest.raises(SourceFailed, match=why) as failed:
            await source_of("tidewheel", port, health).read(Noted())
    assert failed.value.reason is Reason.CONTENT_TYPE
    assert health.report()["messages"]["bad"] >= 1


async def test_a_change_that_can_not_be_read_leaves_its_game_as_it_was():
    """The stream goes on, and the games after it are taken."""
    noted, health = Noted(), FeedHealth("games-test", QUICK)
    changes = [item(1, title=None), None, item(1, status="dreaming"), item(2, title="Second"), item(1, rtp=None)]
    changes_sent = [{"type": "upsert", "seq": n, "item": each} for n, each in enumerate(changes, start=1)]
    messages = [page(item(1)), *changes_sent, {"type": "removed", "seq": 6, "id": 2}]
    async with (
        serving(Answering(messages=messages)) as port,
        running(source_of("tidewheel", port, health).read(noted)),
    ):
        await until(lambda: noted.batch.games and noted.batch.games["1"].rtp is None)
        await until(lambda: "2" not in noted.batch.games)
    assert noted.batch.games["1"].name == "Deep Cove"
    assert health.report()["messages"] == {"bad": 3}


async def test_the_sandbox_answers_nothing_else(provider):
    transport = httpx.ASGITransport(app=provider)
    async with httpx.AsyncClient(transport=transport, base_url="http://games") as client:
        assert (await client.get("/lantern/elsewhere")).status_code == 404
        assert (await client.get(LIST_PATH)).status_code == 404
