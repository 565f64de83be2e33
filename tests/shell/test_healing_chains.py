"""How long a page may stay behind after a fault has ended: the sum of the longest waits on the way, process by process.

What is summed are the numbers that the houses really use. Each chain is what an open page waits for at worst when the
process named is back: the one before it notices, what it says arrives, the page asks, and the slot comes.
"""

import re
import tomllib
from pathlib import Path

import pytest

from bff.broker import BrokerPolicy
from bff.commands.engine.policy import PAYMENTS, POLICY, RELAY
from bff.feeds.policy import FeedsPolicy, GamesPolicy, PromotionsPolicy, TablesPolicy
from bff.feeds.promotions.feed import WRITE_S
from bff.live.policy import LivePolicy
from bff.resilience.policy import Policy
from bff.store.policy import StorePolicy
from fragments.kit.policy import POLICY as KIT
from fragments.live_dealer.provider import OPEN_MS_MAX
from shell.composition.retry_delay import AFTER_MS, DELAY_MS_MAX

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[2]
HEALED_S_MAX = 7.0
ANSWER_S = 0.05  # what a process that is well takes for a small answer


def js_s(path: str, name: str) -> float:
    """A constant of a script, in seconds."""
    found = re.search(rf"^const {name} = ([\d_]+);", (ROOT / path).read_text(), re.MULTILINE)
    assert found, f"{path} has no {name}"
    return int(found[1].replace("_", "")) / 1000


def include_s(fragment: str) -> float:
    """A slot's whole deadline."""
    text = (ROOT / "fragments" / fragment.replace("-", "_") / "manifest.json").read_text()
    found = re.search(r'"deadline_ms": (\d+)', text)
    assert found
    return int(found[1]) / 1000


def closed_again_s(policy: Policy, successes: int) -> float:
    """From the end of a fault, right after a probe that failed, to a closed breaker."""
    return policy.open_ms_max / 1000 + (successes - 1) * policy.probe_gap_ms / 1000 + successes * ANSWER_S


FEEDS, TABLES, OFFERS, GAMES, LIVE, STORE, SHELL = (
    FeedsPolicy(), TablesPolicy(), PromotionsPolicy(), GamesPolicy(), LivePolicy(), StorePolicy(), Policy(),
)  # fmt: skip
WALLET, DEALER, PROMOTIONS, CATALOGUE = (include_s(name) for name in ("wallet", "live-dealer", "promotions", "games"))
REFETCH_JITTER = js_s("static/live.js", "JITTER_MS")  # from a feed's news to the page's question
NAMED = AFTER_MS[1] / 1000  # from the moment that a refusal named to the page's question
BLIND = DELAY_MS_MAX / 1000  # a slot that nobody tells anything
PUSHED = ANSWER_S  # from the store to the page, over the socket
BACK = BrokerPolicy().retry_ms_max / 1000  # a reader or writer of the broker that waits to try again
VIEW = closed_again_s(Policy(open_ms_max=KIT.bff_open_ms_max), SHELL.closing_successes_few)
FRAGMENT = closed_again_s(SHELL, SHELL.closing_successes) + NAMED

CHAINS = {
    "wallet": [FRAGMENT, WALLET],
    "live-dealer": [FRAGMENT, DEALER],
    "promotions": [FRAGMENT, PROMOTIONS],
    "games": [FRAGMENT, CATALOGUE],
    # Its breaker lets go, or the slot asks once more where it was the first to fail.
    "bff-queries": [max(VIEW + NAMED, BLIND), WALLET],
    "bff-commands": [POLICY.heartbeat_s, PUSHED, REFETCH_JITTER, WALLET],
    "relay": [RELAY.heartbeat_s, PUSHED, REFETCH_JITTER, WALLET],
    "projector": [RELAY.heartbeat_s, PUSHED, REFETCH_JITTER, WALLET],
    "sandbox-payments": [POLICY.payments_recheck_s, PAYMENTS.open_ms_max / 1000, ANSWER_S, PUSHED, BLIND, WALLET],
    "sandbox-promotions": [max(FEEDS.retry_s_max, OFFERS.open_ms_max / 1000 * 1.1), WRITE_S, BLIND, PROMOTIONS],
    # The list's breaker may be open; the file is waited for without one, and the stream has none. A lie is looked at
    # again after a while of its own.
    "sandbox-games": [max(FEEDS.retry_s_max, GAMES.held_poll_s, GAMES.open_ms_max / 1000 * 1.1), GAMES.write_s, PUSHED],
    "sandbox-tables": [FEEDS.retry_s_max, ANSWER_S, TABLES.heartbeat_s, PUSHED, REFETCH_JITTER, DEALER],
    # The lease of the one that died has run out or does so while its successor starts.
    "ingest": [FEEDS.renew_s, ANSWER_S, TABLES.heartbeat_s, PUSHED, REFETCH_JITTER, DEALER],
    # The ledger is told by the relay, then read by the projector; feeds come back meanwhile.
    "valkey": [
        max(
            BACK + RELAY.heartbeat_s + BACK,
            STORE.breaker_open_ms_max / 1000 + TABLES.heartbeat_s,
            LIVE.retry_s_max,
        ),
        PUSHED,
        REFETCH_JITTER,
        WALLET,
    ],
    "bff-live": [js_s("static/live/connection.js", "RETRY_MS_MAX"), 2 * ANSWER_S, PUSHED],
    "shell": [js_s("static/slots.js", "LOST_MS_MAX"), js_s("static/slots.js", "RECHECK_MS") / 2, WALLET],
    "offers-intake": [BACK],  # no slot waits for it
}


def processes() -> set[str]:
    """Every process of every house, and Valkey."""
    houses = [*ROOT.glob("*/house.toml"), *ROOT.glob("*/*/house.toml")]
    return {each["name"] for path in houses for each in tomllib.loads(path.read_text())["process"]} | {"valkey"}


def test_every_process_has_its_chain() -> None:
    """A new process has to say how its pages find out that it is back."""
    assert set(CHAINS) == processes()


@pytest.mark.parametrize("process", CHAINS)
def test_pages_are_fresh_within_seven_seconds_of_the_return_of(process: str) -> None:
    """Every wait at its longest, one after the other."""
    assert sum(CHAINS[process]) <= HEALED_S_MAX


def test_a_bet_slot_that_lost_its_provider_is_fresh_within_seven_seconds() -> None:
    """The slip and the bets ask the provider themselves."""
    assert closed_again_s(Policy(open_ms_max=OPEN_MS_MAX), SHELL.closing_successes_few) + BLIND + DEALER <= HEALED_S_MAX
