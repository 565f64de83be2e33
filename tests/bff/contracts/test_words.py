"""Words on the wire: reserved headers, money, views and events keep their shapes."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.contracts import headers
from bff.contracts.event import Event
from bff.contracts.live import LiveMessage
from bff.contracts.money import Money
from bff.contracts.problem import Problem
from bff.contracts.promotions import claims_topic
from bff.contracts.tables import TablesData, table_topic
from bff.contracts.view import Freshness, View
from bff.contracts.wallet import Deposit, wallet_topic

pytestmark = pytest.mark.quick

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "authorization",
        "IDEMPOTENCY_KEY",
        "idempotency-key",
        "Podium-Locale",
        "podium_locale",
        "Mullion-Deadline-Ms",
        "mullion_deadline_ms",
        "podlet-version",
        "Fragment_State",
        "traceparent",
        "tracestate",
        "Baggage",
    ],
)
def test_our_words_are_nobody_elses(name: str) -> None:
    """What a browser sends under one of these names is dropped, with `_` for `-` too."""
    assert headers.is_reserved(name)


@pytest.mark.parametrize("name", ["accept", "cookie", "x-podium", "user-agent", "mullion", ""])
def test_other_words_are_left_alone(name: str) -> None:
    """Only these prefixes and names."""
    assert not headers.is_reserved(name)


def test_every_name_of_ours_is_reserved() -> None:
    """A name that is added to the list on the wire can not be set by a browser either."""
    names = {name: value for name, value in vars(headers).items() if name.isupper() and not name.startswith("_")}
    names.pop("USER_AGENT")
    prefix = names.pop("PODIUM_PREFIX")
    assert all(headers.is_reserved(value) for value in [*names.values(), prefix + "any"])


@given(st.integers(-(2**62), 2**62))
def test_money_is_whole_numbers(amount_minor: int) -> None:
    """It comes back as it was, to the last unit."""
    money = Money(amount_minor, "EUR")
    assert msgspec.json.decode(msgspec.json.encode(money), type=Money) == money


@pytest.mark.parametrize(
    "body",
    [
        {"amount_minor": 1.5, "currency": "EUR"},
        {"amount_minor": "1", "currency": "EUR"},
        {"amount_minor": 1, "currency": "eur"},
        {"amount_minor": 1, "currency": "EUR\n"},
        {"amount_minor": 1, "currency": "EURO"},
        {"amount_minor": 1},
        {"amount_minor": 1, "currency": "EUR", "player": "pl_birch"},
    ],
)
def test_a_command_with_another_shape_is_refused(body: dict[str, Any]) -> None:
    """No fraction, no text, no odd currency, and no field that is not asked for."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(body), type=Deposit)


def test_a_view_reads_as_the_design_says() -> None:
    """Data beside its freshness; times in RFC 3339; a sequence is a pair."""
    view = View({"n": 1}, Freshness("live", NOON, ("e1", 7)))
    encoded = msgspec.json.decode(msgspec.json.encode(view))
    assert encoded["data"] == {"n": 1}
    assert encoded["freshness"] == {"state": "live", "as_of": "2026-03-04T12:00:00Z", "sequence": ["e1", 7]}
    empty = msgspec.json.decode(b'{"data": null, "freshness": {"state": "down"}}', type=View[TablesData])
    assert (empty.data, empty.freshness) == (None, Freshness("down"))
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"data": null, "freshness": {"state": "fine"}}', type=View[TablesData])


def test_events_and_live_messages_come_back_as_they_were() -> None:
    """What goes through the broker or a socket is read as it was written."""
    event = Event("1", "FundsDeposited", 1, "player:7", ("e1", 3), NOON, {"amount_minor": 5})
    assert msgspec.json.decode(msgspec.json.encode(event), type=Event) == event
    message = LiveMessage("tables.1", ("e1", 3), NOON, "stale", {"seats_taken": 2})
    assert msgspec.json.decode(msgspec.json.encode(message), type=LiveMessage) == message


def test_a_problem_says_only_what_it_has() -> None:
    """RFC 9457, without empty members."""
    problem = Problem(422, "Unprocessable", "idempotency_key_reused")
    assert msgspec.json.decode(msgspec.json.encode(problem)) == {
        "status": 422,
        "title": "Unprocessable",
        "code": "idempotency_key_reused",
    }


def test_topics_are_told_apart_by_player_and_table() -> None:
    """One topic each."""
    topics = {wallet_topic("a"), wallet_topic("b"), claims_topic("a"), table_topic("a"), table_topic("b")}
    assert len(topics) == 5
