"""What each hop carries: which slots of the lobby it may hit, and what crosses it while nobody looks that way.

Public: `HOPS`, `HopEffect`, `SLOTS`, `PAYER`, `COUNTED`, `COUNTED_AMOUNT`, `COUNTED_MINOR`.

Every hop that the houses have stands here: a test compares.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bff.store.policy import feed_policy
from tests.drills.kit.drill import Step

SLOTS = ("wallet", "tables", "games", "promotions")
# Who pays where payments have to travel, and whose money is counted where it may come twice: neither is looked at. Of
# the first of these amounts, in yen, the payment provider says at once that it is paid, of the other only when it is
# looked up (see `bff.sandbox.payments.decision`).
PAYER, COUNTED = "cedar", "birch"
PAID_AT_ONCE, LOOKED_UP = "2000", "2055"
LIVE_TOPICS = ("tables.201", "tables.202", "tables.203", "tables.205", "promotions")
COUNTED_AMOUNT, COUNTED_MINOR = "5", 500


@dataclass(frozen=True, slots=True)
class HopEffect:
    """`slots` of the lobby may be hit. `must`: by a hard fault they have to be. `session`: its requests carry the mark
    of a tester. `page`: it is the way to the page itself. `shared`: what is late is covered for a while by the copy
    that everybody has. `after_s`: silence is believed for so long, so that a shorter fault hits no slot. `scripts`:
    only what a page runs in a browser goes there, and no visit over HTTP does. `writes`: what it says arrives though
    no answer comes back, so that nothing has to be noticed until nobody listens. `requests`: what sends something over
    it meanwhile, where a look at the lobby does not; none of them changes a page that is looked at. Those that move
    money are the `actor`'s, whose pages nobody looks at; where it `counts_money`, by a broker that says all twice.
    Without `sockets` the one behind it speaks WebSocket, and nobody opens one on this way."""

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
    sockets: bool = True


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
    "ingest:sandbox-tables": HopEffect(("tables",)),
    "ingest:sandbox-promotions": HopEffect(("promotions",)),
    "ingest:sandbox-games": HopEffect(("games",)),
    "ingest:valkey": HopEffect(("tables",), must=True, writes=True, after_s=_believed_s("tables")),
    "sandbox-tables:bff-commands": HopEffect(
        requests=_request(
            "/slots/table:205/slip/actions/bet/205", side="red", stake="200", closes_at="2026-01-01T00:00:00+00:00"
        )
    ),
    "sandbox-payments:bff-commands": HopEffect(requests=_deposit(PAID_AT_ONCE), actor=PAYER),
}
