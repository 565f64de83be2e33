"""The catalogue: a drill for every hop and every fault that applies to it, generated from one table.

Public: `cells`, `drill_of`, `is_cell`, `effect_of`, `looked_at`, `watched_s`, `HOPS`, `HopEffect`, `SLOTS`, `FOR_S`,
`FED_FOR_S`, `WATCHED_FOR_S`.

The table says of each hop which slots of the lobby it may hit, and of each fault whether the one behind the hop has to
notice. Everything else on the page is a sibling. A hop that the table does not have is drilled with nothing expected to
be hit, so that a new one is in the matrix from its first day.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from bff.store.policy import feed_policy
from tests.drills.kit.drill import (
    HEALS_WITHIN_S,
    Drill,
    Expect,
    Hypothesis,
    PageExpectation,
    Probe,
    SiblingExpectation,
    SlotExpectation,
    State,
    Step,
)
from tests.drills.phrases import broken
from tests.drills.proxy.faults import FAULTS, Fault, Layer, applies
from tests.drills.run_record import Cell
from tests.drills.runner.judge import IDLE

SLOTS = ("wallet", "tables", "games", "promotions")
# How long a cell is broken: two pages that are a second late fit into the short one. What is seen by way of a feed, or
# by a browser, takes longer; where no visit over HTTP goes, a few of them show all that they can.
FOR_S, FED_FOR_S, WATCHED_FOR_S, SCRIPTS_FOR_S = 3.0, 4.0, 6.0, 1.5
# Where silence is believed for a while: what was heard last may be a second old and half a second on its way when a
# fault begins; and when it is over, pages have to say so for long enough to be photographed.
UNNOTICED_S, NOTICED_S = 1.5, 4.0
PAGE_WITHIN_MS = 6000
PLAYER = "amber"
HIT: list[State] = ["degraded", "stale", "fallback", "placeholder"]
MAYBE: list[State] = ["fresh", "degraded", "stale", "fallback", "placeholder"]


@dataclass(frozen=True, slots=True)
class HopEffect:
    """`slots` of the lobby may be hit. `must`: by a hard fault they have to be. `session`: its requests carry the mark
    of a tester. `page`: it is the way to the page itself. `shared`: what is late is covered for a while by the copy
    that everybody has. `after_s`: silence is believed for so long, so that a shorter fault hits no slot. `scripts`:
    only what a page runs in a browser goes there, and no visit over HTTP does. `writes`: what it says arrives though
    no answer comes back, so that nothing has to be noticed until nobody listens. `requests`: what sends something over
    it meanwhile, where a look at the lobby does not; none of them moves money or changes a page."""

    slots: tuple[str, ...] = ()
    must: bool = False
    session: bool = False
    page: bool = False
    shared: bool = False
    after_s: float = 0.0
    scripts: bool = False
    writes: bool = False
    requests: tuple[Step, ...] = ()


def _request(path: str, *, over: str = "", **form: str) -> tuple[Step, ...]:
    return (Step(act="request", path=path, over=over, form=form),)


def _believed_s(feed: str) -> float:
    return feed_policy(feed).stale_after_s


HOPS: Mapping[str, HopEffect] = {
    "browser:shell": HopEffect(page=True, session=True),
    "browser:bff-live": HopEffect(scripts=True, requests=_request("/healthz", over="browser:bff-live")),
    "browser:sandbox-tables": HopEffect(
        scripts=True, requests=_request("/video/201/live.m3u8", over="browser:sandbox-tables")
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
    "live-dealer:sandbox-tables": HopEffect(requests=_request("/tables/205/")),
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
    "bff-commands:sandbox-payments": HopEffect(("wallet",)),
    "relay:sandbox-payments": HopEffect(),
    "relay:valkey": HopEffect(("wallet",), must=True, writes=True, after_s=_believed_s("ledger")),
    "offers-intake:valkey": HopEffect(),
    "projector:valkey": HopEffect(("wallet", "games", "promotions"), must=True, after_s=_believed_s("engine")),
    "ingest:sandbox-tables": HopEffect(("tables",)),
    "ingest:sandbox-promotions": HopEffect(("promotions",)),
    "ingest:sandbox-games": HopEffect(("games",)),
    "ingest:valkey": HopEffect(("tables",), must=True, writes=True, after_s=_believed_s("tables")),
    "sandbox-tables:bff-commands": HopEffect(),
    "sandbox-payments:bff-commands": HopEffect(),
}
# Faults that a caller may bear without anybody noticing, with the reason.
SOFT: Mapping[str, str] = {
    "slow_close": "the answer is whole before the end of the connection",
    "slicer": "small pieces are late only where there are many",
    "stale_clock": "a page that is asked for each time need not go by the date of an answer",
    "bandwidth": "a small answer is through before the limit is felt",
    "limit_data": "an answer on a connection that stands may be short enough",
    "wrong_type": "a caller that reads JSON need not go by the content type",
}
# Nothing is wrong with these answers but when they come.
LATE = frozenset({"latency", "timeout", "bandwidth", "slow_first_byte"})
ALWAYS_HARD_FOR_PAGES = frozenset({"wrong_type", "limit_data"})
# A whole page is longer than a fragment's answer: cut, sliced or in a trickle it can not go unnoticed.
SOFT_FOR_THE_PAGE = frozenset({"slow_close", "stale_clock", "wrong_type"})
_NOT_APPLIED = {
    Layer.HTTP: "no HTTP travels there, so no answer can be changed",
    Layer.WEBSOCKET: "no WebSocket travels there, so no message can be changed",
}


def cells(hops: Mapping[str, Mapping[str, Any]], absent: Mapping[str, str]) -> list[Cell]:
    """The whole matrix: of each hop and fault either the drill's name or why there is none."""
    made = []
    for hop, row in sorted(hops.items()):
        for fault in FAULTS.values():
            if applies(fault, tuple(row["speaks"])):
                made.append(Cell(hop=hop, fault=fault.name, drill=f"{hop}/{fault.name}"))
            else:
                made.append(Cell(hop=hop, fault=fault.name, absent=_NOT_APPLIED[fault.layer]))
    for hop, reason in sorted(absent.items()):
        made += [Cell(hop=hop, fault=fault, absent=f"there is no such hop: {reason}") for fault in FAULTS]
    return made


def is_cell(name: str) -> bool:
    """Whether a drill of this name comes from the table."""
    hop, is_pair, fault = name.partition("/")
    return bool(is_pair) and ":" in hop and fault in FAULTS


def effect_of(name: str) -> HopEffect:
    """Of the hop of a cell, `hop/fault`."""
    return HOPS.get(name.partition("/")[0], HopEffect())


def looked_at(names: Iterable[str]) -> list[str]:
    """One cell a hop, which a browser watches: the first that the table of faults has, which is latency, or for a hop
    that only writes the one that has to be noticed."""
    hops: dict[str, str] = {}
    for name in names:
        hop = name.partition("/")[0]
        hops.setdefault(hop, f"{hop}/down" if effect_of(name).writes else name)
    return [*hops.values()]


def watched_s(name: str) -> float:
    """How long the cell is broken where somebody looks at it: until all that has to show it does, and a while more."""
    effect = effect_of(name)
    return effect.after_s + NOTICED_S if effect.after_s else WATCHED_FOR_S


def drill_of(name: str, *, also_hit: Collection[str] = (), for_s: float = 0) -> Drill:
    """The drill of a cell, `hop/fault`, broken for `for_s` if that is given. `also_hit` are slots that another cell
    breaks at the same time."""
    hop, _, fault_name = name.partition("/")
    fault = FAULTS[fault_name]
    effect = effect_of(name)
    for_s = for_s or _short_s(effect)
    hit = effect.slots if for_s > effect.after_s else ()
    scope = "session" if effect.session and fault.layer is not Layer.LISTENER else "everyone"
    given = {each.name: each.typical for each in fault.parameters if each.typical is not None}
    siblings = [slot for slot in SLOTS if slot not in hit and slot not in also_hit]
    page = PageExpectation(within_ms=PAGE_WITHIN_MS)
    if effect.page:
        siblings = []
        shows = fault.name not in SOFT_FOR_THE_PAGE
        page = PageExpectation(within_ms=1500 if shows else PAGE_WITHIN_MS, broken=shows)
    return Drill(
        title=broken(hop, fault.name, given)[:120],
        description=_description(name, effect, for_s),
        # Where nobody has to notice it, nothing may travel there while a page is looked at.
        tags=["matrix", fault.layer.value, *([] if effect.page or (effect.must and hit) else [IDLE])],
        player=PLAYER,
        scope=scope,  # type: ignore[arg-type]
        clock="running",
        hypothesis=Hypothesis(probes=_probes(hit, siblings)),
        method=[
            Step(hop=hop, fault=fault.name, parameters=given, for_s=for_s),
            *(msgspec.structs.replace(each, for_s=for_s) for each in effect.requests),
        ],
        expect=Expect(
            slots={slot: _slot(hop, effect, fault, for_s) for slot in hit},
            siblings={slot: SiblingExpectation() for slot in siblings},
            page=page,
        ),
    )


def _short_s(effect: HopEffect) -> float:
    if effect.scripts:
        return SCRIPTS_FOR_S
    if effect.after_s:
        return min(FOR_S, effect.after_s - UNNOTICED_S)
    return FED_FOR_S if effect.slots and not effect.session else FOR_S


def _description(name: str, effect: HopEffect, for_s: float) -> str:
    hop, _, fault = name.partition("/")
    words = f"From the table of hops and faults: {hop} × {fault}."
    if effect.scripts and for_s < WATCHED_FOR_S:
        words += (
            " Only scripts of a page go there: that pages over HTTP do without is seen, what scripts make of it not."
        )
    if effect.after_s and for_s <= effect.after_s:
        slots = " and ".join(effect.slots)
        words += (
            f" What {slots} live from is believed for {effect.after_s:g} s of silence, so that nobody has to notice "
            f"{for_s:g} s of it. A browser watches a longer one, which has to be seen."
        )
    return words


def _slot(hop: str, effect: HopEffect, fault: Fault, for_s: float) -> SlotExpectation:
    soft = _soft(fault) and not (hop.startswith("shell:") and fault.name in ALWAYS_HARD_FOR_PAGES)
    covered = (effect.shared and fault.name in LATE) or (effect.writes and fault.layer is not Layer.LISTENER)
    states = HIT if effect.must and not soft and not covered else MAYBE
    return SlotExpectation(state=[*states], within_s=for_s, heals_within_s=HEALS_WITHIN_S)


def _soft(fault: Fault) -> bool:
    return fault.name in SOFT


def _probes(hit: Sequence[str], siblings: Sequence[str]) -> list[Probe]:
    watched = dict.fromkeys([*hit, *siblings])
    return [Probe(page="/", within_ms=PAGE_WITHIN_MS), *(Probe(slot=slot) for slot in watched)]
