"""What each hop carries: which slots of the lobby a fault on it may hit, and the requests that a drill sends across it.

Public: `HOPS`, `OF_A_BROKER`, `WITHOUT_EVENTS`, `HopEffect`, `SLOTS`, `PAYER`, `COUNTED`, `COUNTED_AMOUNT`,
`COUNTED_MINOR`.

A test compares this table with the hops of all houses.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bff.feeds.policy import PROMOTIONS
from bff.store.policy import feed_policy
from tests.drills.kit.drill import Step

SLOTS = ("wallet", "tables", "games", "promotions")
# PAYER pays where payments have to travel, and COUNTED's money is measured where events may come twice; the pages of
# neither are compared. The payment provider approves the first of these amounts, in yen, at once, and the other only
# when it is looked up (see `bff.sandbox.payments.decision`).
PAYER, COUNTED = "cedar", "birch"
PAID_AT_ONCE, LOOKED_UP = "2000", "2055"
LIVE_TOPICS = ("tables.201", "tables.202", "tables.203", "tables.205", "promotions")
COUNTED_AMOUNT, COUNTED_MINOR = "5", 500


@dataclass(frozen=True, slots=True)
class HopEffect:
    """`slots` of the lobby may be hit. `must`: a hard fault has to hit them. `session`: requests on this hop carry a
    tester's mark. `page`: it is the page's own hop. `shared`: a copy that all visitors share hides lateness for a
    while. `after_s`: readers trust the last data for so long, so that a shorter fault hits no slot. `scripts`: only
    scripts in a browser use the hop, so that a visit over HTTP does not. `writes`: what the caller writes arrives even
    if no answer comes back, so that only `down` has to be noticed. `requests`: what the drill sends across the hop
    meanwhile, if loading the lobby does not use it; it changes no page that is compared. Requests that move money are
    the `actor`'s, whose pages are not compared; `counts_money` measures the actor's money while events come twice.
    `settles`: measures it through every fault of the hop. `returns_s`: how long callers may take to come back after the
    fault, so that a silence of less than `after_s` may be noticed all the same.
    `sockets`: whether anybody opens a WebSocket on this hop. `reopens`: the caller keeps one connection, and sends an
    HTTP request only to open it anew. `polled_s`: how often the caller asks."""

    slots: tuple[str, ...] = ()
    must: bool = False
    session: bool = False
    page: bool = False
    shared: bool = False
    after_s: float = 0.0
    scripts: bool = False
    writes: bool = False
    requests: tuple[Step, ...] = ()
    actor: str | None = None
    counts_money: bool = False
    settles: bool = False
    returns_s: float = 0.0
    sockets: bool = True
    reopens: bool = False
    polled_s: float = 0.0


def _request(path: str, *, over: str = "", **form: str) -> tuple[Step, ...]:
    return (Step(act="request", path=path, over=over, form=form),)


def _deposit(amount: str) -> tuple[Step, ...]:
    return _request("/slots/cashier/cashier/actions/deposit", amount=amount)


def _believed_s(feed: str) -> float:
    return feed_policy(feed).stale_after_s


HOPS: Mapping[str, HopEffect] = {
    "browser:shell": HopEffect(page=True, session=True),
    "browser:bff-live": HopEffect(
        scripts=True,
        requests=(*_request("/healthz", over="browser:bff-live"), Step(act="listen", topics=[*LIVE_TOPICS])),
    ),
    "browser:sandbox-tables": HopEffect(
        scripts=True, requests=_request("/video/201/live.m3u8", over="browser:sandbox-tables"), sockets=False
    ),
    "shell:wallet": HopEffect(("wallet",), must=True, session=True),
    "shell:live-dealer": HopEffect(("tables",), must=True, session=True, shared=True),
    "shell:promotions": HopEffect(("promotions",), must=True, session=True),
    "shell:games": HopEffect(("games",), must=True, session=True),
    "shell:valkey": HopEffect(),
    "wallet:bff-queries": HopEffect(("wallet",), must=True, session=True),
    "wallet:bff-commands": HopEffect(
        ("wallet",),
        session=True,
        requests=_request("/slots/cashier/cashier/actions/cancel", receipt_id="no-such-withdrawal"),
    ),
    "live-dealer:bff-queries": HopEffect(("tables",), must=True, session=True),
    "live-dealer:sandbox-tables": HopEffect(requests=_request("/tables/205/"), sockets=False),
    "promotions:bff-queries": HopEffect(("promotions",), must=True, session=True),
    "promotions:bff-commands": HopEffect(
        ("promotions",),
        session=True,
        requests=_request("/slots/lobby/promotions/actions/claim", promotion_id="no-such-offer"),
    ),
    "games:bff-queries": HopEffect(("games",), must=True, session=True),
    "games:bff-commands": HopEffect(
        ("games",),
        session=True,
        requests=_request("/slots/games/catalogue/actions/game", do="unmark", game_id="nobody:no-such-game"),
    ),
    "bff-queries:valkey": HopEffect(SLOTS),
    "bff-live:valkey": HopEffect(),
    "bff-commands:valkey": HopEffect(
        ("wallet", "games", "promotions"), must=True, writes=True, after_s=_believed_s("engine")
    ),
    "bff-commands:sandbox-payments": HopEffect(("wallet",), requests=_deposit(PAID_AT_ONCE), actor=PAYER),
    "relay:sandbox-payments": HopEffect(requests=_deposit(LOOKED_UP), actor=PAYER),
    "relay:valkey": HopEffect(
        ("wallet",), must=True, writes=True, after_s=_believed_s("ledger"), actor=COUNTED, counts_money=True
    ),
    "offers-intake:valkey": HopEffect(),
    "projector:valkey": HopEffect(
        ("wallet", "games", "promotions"),
        must=True,
        after_s=_believed_s("engine"),
        actor=COUNTED,
        counts_money=True,
    ),
    "ingest:sandbox-tables": HopEffect(("tables",), reopens=True),
    "ingest:sandbox-promotions": HopEffect(("promotions",), polled_s=PROMOTIONS.poll_s),
    "ingest:sandbox-games": HopEffect(("games",), reopens=True),
    "ingest:valkey": HopEffect(("tables",), must=True, writes=True, after_s=_believed_s("tables")),
    # Kafka's one hop, for all who write or read events: engine, relay, ingest, offers' intake and projector.
    "houses:broker": HopEffect(
        ("wallet", "games", "promotions"),
        must=True,
        writes=True,
        after_s=_believed_s("engine"),
        returns_s=3.0,
        actor=COUNTED,
        settles=True,
    ),
    "sandbox-tables:bff-commands": HopEffect(
        # Whose token it is the provider remembers for a minute; where it is one for another table, it asks each time.
        requests=_request(
            "/slots/table:205/slip/actions/bet/no-such-table",
            side="red",
            stake="200",
            closes_at="2026-01-01T00:00:00+00:00",
        )
    ),
    "sandbox-payments:bff-commands": HopEffect(requests=_deposit(PAID_AT_ONCE), actor=PAYER),
}

# Where events travel over a Valkey or Redis of their own, what depends on them does so on these hops …
OF_A_BROKER: Mapping[str, HopEffect] = {
    f"{caller}:broker": HOPS[f"{caller}:valkey"] for caller in ("bff-commands", "relay", "projector")
}
# … and these are what they are without events, as they are beside Kafka: the projector alone writes what pages show.
WITHOUT_EVENTS: Mapping[str, HopEffect] = {
    "bff-commands:valkey": HopEffect(),
    "relay:valkey": HopEffect(),
    "projector:valkey": HopEffect(
        ("wallet", "games", "promotions"), must=True, writes=True, after_s=_believed_s("engine")
    ),
}
