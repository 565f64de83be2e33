"""The catalogue: a drill for every hop and every fault that applies to it, generated from two tables.

Public: `cells`, `drill_of`, `is_cell`, `effect_of`, `events_elsewhere`, `looked_at`, `watched_s`, `PLAYER`, `FOR_S`,
`FED_FOR_S`, `WATCHED_FOR_S`.

`hop_effects.py` says of each hop which slots of the lobby it may hit; the tables here say of each fault whether it has
to be noticed. Everything else on the page is a sibling. A hop that is missing from the table is drilled with no slot
expected to be hit, so that a new hop is in the matrix from its first day.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from tests.drills.kit.drill import (
    HEALS_WITHIN_S,
    Drill,
    Expect,
    Hypothesis,
    MoneyExpectation,
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
from tests.drills.runner.hop_effects import (
    COUNTED_AMOUNT,
    COUNTED_MINOR,
    HOPS,
    OF_A_BROKER,
    SLOTS,
    WITHOUT_EVENTS,
    HopEffect,
)
from tests.drills.runner.judge import IDLE

# How long a cell is broken, in seconds. The short one has time for two pages that are a second late. What reaches the
# page through a feed, or is watched by a browser, takes longer; where no visit over HTTP uses the hop, a few visits
# show all that they can.
FOR_S, FED_FOR_S, WATCHED_FOR_S, SCRIPTS_FOR_S = 3.0, 4.0, 6.0, 1.5
# Where readers trust the last data for some seconds: these may be a second old and half a second under way when the
# fault begins; and after that time pages have to show the fault for long enough to be photographed.
UNNOTICED_S, NOTICED_S = 1.5, 4.0
# How long a connection that is kept is cut, so that HTTP is spoken anew; and what may lie between two polls beside
# the pause of their policy.
CUT_S, POLL_S = 0.3, 0.5
PAGE_WITHIN_MS = 6000
PLAYER = "amber"
HIT: list[State] = ["degraded", "stale", "fallback", "placeholder"]
MAYBE: list[State] = ["fresh", "degraded", "stale", "fallback", "placeholder"]


# Faults that a caller may tolerate without any visible effect, with the reason.
SOFT: Mapping[str, str] = {
    "slow_close": "the answer is whole before the end of the connection",
    "slicer": "small pieces are late only where there are many",
    "stale_clock": "a page that is asked for each time need not go by the date of an answer",
    "bandwidth": "a small answer is through before the limit is felt",
    "limit_data": "an answer on a connection that stands may be short enough",
    "wrong_type": "a caller that reads JSON need not go by the content type",
}
# These answers are right, only late.
LATE = frozenset({"latency", "timeout", "bandwidth", "slow_first_byte"})
ALWAYS_HARD_FOR_PAGES = frozenset({"wrong_type", "limit_data"})
# A whole page is longer than a fragment's answer: it can not be cut, sliced or throttled without being noticed.
SOFT_FOR_THE_PAGE = frozenset({"slow_close", "stale_clock", "wrong_type"})
_NO_SOCKET = "nobody opens a WebSocket on this way: it is asked over plain HTTP, and the feed has a way of its own"
_NOT_TWICE = "Kafka rejects by its number what a producer sends twice, and readers go by its offsets"
_NOT_APPLIED = {
    Layer.HTTP: "no HTTP travels there, so no answer can be changed",
    Layer.WEBSOCKET: "no WebSocket travels there, so no message can be changed",
    Layer.EVENTS: "no event of the broker travels there, so none can come twice",
}


def cells(hops: Mapping[str, Mapping[str, Any]], absent: Mapping[str, str]) -> list[Cell]:
    """The whole matrix: for each hop and fault the drill's name, or the reason why there is none."""
    made = []
    for hop, row in sorted(hops.items()):
        for fault in FAULTS.values():
            if fault.layer is Layer.WEBSOCKET and "websocket" in row["speaks"] and not effect_of(f"{hop}/").sockets:
                made.append(Cell(hop=hop, fault=fault.name, absent=_NO_SOCKET))
            elif fault.layer is Layer.EVENTS and "kafka" in row["speaks"]:
                made.append(Cell(hop=hop, fault=fault.name, absent=_NOT_TWICE))
            elif applies(fault, tuple(row["speaks"])):
                made.append(Cell(hop=hop, fault=fault.name, drill=f"{hop}/{fault.name}"))
            else:
                made.append(Cell(hop=hop, fault=fault.name, absent=_NOT_APPLIED[fault.layer]))
    for hop, reason in sorted(absent.items()):
        made += [Cell(hop=hop, fault=fault, absent=f"there is no such hop: {reason}") for fault in FAULTS]
    return made


def is_cell(name: str) -> bool:
    """Whether `name` is a cell of the table: `hop/fault`."""
    hop, is_pair, fault = name.partition("/")
    return bool(is_pair) and ":" in hop and fault in FAULTS


def events_elsewhere(hops: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
    """The hops of the store on which events travel in other copies, and not in the one that has `hops`."""
    return frozenset(
        hop for hop in WITHOUT_EVENTS if hop in hops and hops[hop]["speaks"] and "events" not in hops[hop]["speaks"]
    )


def effect_of(name: str, elsewhere: Collection[str] = ()) -> HopEffect:
    """The effect of the hop of a cell, `hop/fault`; `elsewhere` are those hops whose events travel elsewhere."""
    hop = name.partition("/")[0]
    return WITHOUT_EVENTS[hop] if hop in elsewhere else HOPS.get(hop) or OF_A_BROKER.get(hop, HopEffect())


def looked_at(names: Iterable[str], elsewhere: Collection[str] = ()) -> list[str]:
    """The cells that a browser watches, one for each hop: the first in the table of faults, which is latency; for a hop
    that only writes `down`, the one that has to be noticed."""
    hops: dict[str, str] = {}
    for name in names:
        hop = name.partition("/")[0]
        hops.setdefault(hop, f"{hop}/down" if effect_of(name, elsewhere).writes else name)
    return [*hops.values()]


def watched_s(name: str, elsewhere: Collection[str] = ()) -> float:
    """How long a watched cell is broken: until everything that has to show the fault does, and a few seconds more."""
    effect = effect_of(name, elsewhere)
    return effect.after_s + NOTICED_S if effect.after_s else WATCHED_FOR_S


def drill_of(name: str, *, also_hit: Collection[str] = (), for_s: float = 0, elsewhere: Collection[str] = ()) -> Drill:
    """The drill of a cell, `hop/fault`, broken for `for_s` seconds if given. `also_hit` are slots that another cell
    breaks at the same time; `elsewhere` as in `effect_of`."""
    hop, _, fault_name = name.partition("/")
    fault = FAULTS[fault_name]
    effect = effect_of(name, elsewhere)
    for_s = for_s or _short_s(effect)
    twice = fault.layer is Layer.EVENTS
    counts = effect.settles or (twice and effect.counts_money)
    hit = effect.slots if for_s + effect.returns_s > effect.after_s and not twice else ()
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
        # A fault that need not be noticed may hit nothing while the page is visited, since nothing may cross the hop.
        tags=[
            "matrix",
            fault.layer.value,
            *([] if effect.page or (effect.must and hit and for_s > effect.after_s) else [IDLE]),
        ],
        player=PLAYER,
        actor=effect.actor if counts or effect.requests else None,
        scope=scope,  # type: ignore[arg-type]
        clock="running",
        hypothesis=Hypothesis(probes=[*_probes(hit, siblings), *([Probe(ledger="sound")] if counts else [])]),
        method=[
            # A writer's fault adds each event again (upstream); a reader's delivers each again.
            Step(hop=hop, fault=fault.name, parameters=given, for_s=for_s, upstream=twice and effect.writes),
            *([Step(hop=hop, fault="down", for_s=CUT_S)] if _is_reopened(effect, fault) else []),
            *(msgspec.structs.replace(each, for_s=for_s) for each in effect.requests),
            *([Step(act="deposit", amount=COUNTED_AMOUNT, follows=True)] if counts else []),
        ],
        expect=Expect(
            slots={slot: _slot(hop, effect, fault, for_s) for slot in hit},
            siblings={slot: SiblingExpectation() for slot in siblings},
            page=page,
            money=MoneyExpectation(change_minor=COUNTED_MINOR, lines=1) if counts else None,
        ),
    )


def _short_s(effect: HopEffect) -> float:
    if effect.scripts:
        return SCRIPTS_FOR_S
    if effect.after_s:
        return min(FOR_S, effect.after_s - UNNOTICED_S)
    fed = effect.slots and not effect.session
    return max(FED_FOR_S if fed else FOR_S, effect.polled_s + POLL_S if effect.polled_s else 0)


def _is_reopened(effect: HopEffect, fault: Fault) -> bool:
    """Whether its connection has to end for the fault to find a request."""
    return effect.reopens and fault.layer is Layer.HTTP


def _description(name: str, effect: HopEffect, for_s: float) -> str:
    hop, _, fault = name.partition("/")
    words = f"From the table of hops and faults: {hop} × {fault}."
    if effect.settles or (fault == "duplicate_event" and effect.counts_money):
        words += f" Meanwhile {effect.actor} deposits: the money is there once, and in the history there is one line."
    if _is_reopened(effect, FAULTS[fault]):
        words += f" For its first {CUT_S:g} s nothing listens there, so that what is kept open ends and is opened anew."
    if effect.scripts and for_s < WATCHED_FOR_S:
        words += (
            " Only scripts of a page go there: that pages over HTTP do without is seen, what scripts make of it not."
        )
    if effect.after_s and for_s <= effect.after_s and not effect.returns_s:
        slots = " and ".join(effect.slots)
        words += (
            f" What {slots} live from is believed for {effect.after_s:g} s of silence, so that nobody has to notice "
            f"{for_s:g} s of it. A browser watches a longer one, which has to be seen."
        )
    return words


def _slot(hop: str, effect: HopEffect, fault: Fault, for_s: float) -> SlotExpectation:
    soft = _soft(fault) and not (hop.startswith("shell:") and fault.name in ALWAYS_HARD_FOR_PAGES)
    covered = (effect.shared and fault.name in LATE) or (effect.writes and fault.layer is not Layer.LISTENER)
    states = HIT if effect.must and not soft and not covered and for_s > effect.after_s else MAYBE
    return SlotExpectation(state=[*states], within_s=for_s, heals_within_s=HEALS_WITHIN_S)


def _soft(fault: Fault) -> bool:
    return fault.name in SOFT


def _probes(hit: Sequence[str], siblings: Sequence[str]) -> list[Probe]:
    watched = dict.fromkeys([*hit, *siblings])
    return [Probe(page="/", within_ms=PAGE_WITHIN_MS), *(Probe(slot=slot) for slot in watched)]
