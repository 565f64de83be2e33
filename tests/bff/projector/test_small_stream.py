"""A ledger with far more events than the stream can hold is restated once, and the restatement ends."""

import contextlib
import json
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from tests.support.money_house import MoneyHouse, eventually

STREAM_EVENTS_MAX = 30
PLAYERS, LINES = 30, 200  # ten pages each, and the state: 330 events


@pytest.fixture(scope="module")
def house():
    extra = {"HOUSE_POLICIES": json.dumps({"broker": {"stream_events_max": STREAM_EVENTS_MAX}})}
    with MoneyHouse(wanted=("relay", "projector"), extra=extra) as running:
        yield running


def fill(house):
    """Players with a long history each, none of whom has been restated."""
    began = datetime.now(UTC) - timedelta(days=90)
    with contextlib.closing(sqlite3.connect(house.data / "commands.sqlite3", timeout=10)) as books, books:
        for number in range(PLAYERS):
            player, at = f"pl_{number:04}", began.isoformat(sep=" ")
            books.execute(
                "INSERT INTO commands_player (player_id, currency, sequence, epoch, lines, created_at) "
                "VALUES (?, 'EUR', ?, '', ?, ?)",
                (player, LINES, LINES, at),
            )
            for kind, balance in (("real", LINES), ("bonus", 0), ("held", 0)):
                books.execute(
                    "INSERT INTO commands_account (player_id, kind, currency, balance_minor) VALUES (?, ?, 'EUR', ?)",
                    (player, kind, balance),
                )
            books.executemany(
                "INSERT INTO commands_receipt (receipt_id, player_id, ordinal, command, kind, state, amount_minor, "
                "currency, at, epoch, sequence, reason, fingerprint) "
                "VALUES (?, ?, ?, 'deposit', 'deposit', 'done', 1, 'EUR', ?, '0', ?, '', '')",
                [
                    (f"rc_{number}_{n}", player, n, (began + timedelta(hours=6 * n)).isoformat(sep=" "), n + 1)
                    for n in range(LINES)
                ],
            )


def settled(house, epochs):
    """The largest backlog of the stream until the wallets are live."""
    longest = 0

    def is_live():
        nonlocal longest
        with Redis.from_url(house.valkey.url) as server:
            longest = max(longest, server.xlen("stream:ledger"))
        wallet = house.real(f"pl_{PLAYERS - 1:04}")
        return wallet == LINES and house.read(feeds=["ledger"]).feeds["ledger"].state == "live"

    eventually(is_live, within_s=60, what="the replay does not end")
    log = (house.data / "relay.log").read_text()
    assert log.count("relay_epoch_begun") == epochs
    return longest


def test_a_replay_ends_however_small_the_stream_is(house):
    """It goes as fast as it is read: nothing is cut unread, so no epoch follows another, and every history is whole."""
    fill(house)
    assert settled(house, 0) < 10 * STREAM_EVENTS_MAX
    with Redis.from_url(house.valkey.url) as server:
        server.flushall()
    eventually(lambda: "relay_epoch_begun" in (house.data / "relay.log").read_text(), what="the loss is not seen")
    settled(house, 1)
    assert f"{PLAYERS + 3} players are as the ledger says" in house.manage("rebuild_views", "--compare-only").stdout


def test_a_stream_that_is_too_small_to_be_one_is_refused_by_name(house):
    """What is set wrongly is said in one sentence."""
    house.kill("relay")
    house.environment["HOUSE_POLICIES"] = '{"broker": {"stream_events_max": 19}}'
    house.start("relay")
    house.processes["relay"].wait(20)
    sentence = "HOUSE_POLICIES can not be used: broker: stream_events_max is 19: it is at least 20."
    assert sentence in house.log("relay")
