"""Compares what was seen with what a drill expects. Decides from values alone.

Public: `expectations`, `phases`, `money`, `failed`, `proves_nothing`, `only_late`, `sentence`, `IDLE`.
"""

from collections.abc import Iterator, Sequence

from bff.resilience.reason import Reason
from tests.drills.evidence.figures import Figures, figures_in
from tests.drills.evidence.value import Evidence
from tests.drills.journal import Expectation, Hit, MoneySum, Phases
from tests.drills.kit.drill import Drill, SlotExpectation
from tests.drills.proxy.faults import FAULTS, Layer
from tests.drills.runner.judge_siblings import others, sibling, siblings
from tests.drills.runner.page import SlotView, View
from tests.drills.runner.watch import FRESH, LATE, Watch, expected, is_, seconds

STEADY = "steady state"
REASONS = frozenset(map(str, Reason))
DIFFERENCE_CHARS_MAX = 160
_LATE_WORDS = tuple(f"({reason})" for reason in LATE)
# The tag of a drill on a hop that nothing may cross meanwhile: it only proves that pages do without the hop.
IDLE = "idle"
# What has to cross the hop for a fault to hit it, for faults that do not hit any traffic.
_NOTHING_TO_HIT = {
    "slow_close": "no connection of {hop} ended meanwhile, as it is kept open from one request to the next, so that "
    "there was no end to come late",
    "duplicate_event": "no event of the broker went over {hop} meanwhile, so that none could come twice",
}


def expectations(drill: Drill, watch: Watch) -> list[Expectation]:
    """One verdict for each expectation of the drill."""
    found = [*_page(drill, watch)]
    for slot, wanted in drill.expect.slots.items():
        found += [*_slot(slot, wanted, watch), *others(slot, watch)]
    compared = {each.slot: each for each in siblings(drill, watch)}
    for slot, wanted_sibling in drill.expect.siblings.items():
        found += sibling(slot, wanted_sibling, watch, compared.get(slot))
    return found


# --- the page


def _page(drill: Drill, watch: Watch) -> Iterator[Expectation]:
    wanted = drill.expect.page
    looked = (
        watch.touching
    )  # a page that began before the fault and is late because of it counts as a page during the fault
    bad = [view for view in looked if _page_problem(view, wanted.status, wanted.within_ms) or _is_another(view, watch)]
    if wanted.broken:
        after = next((view for view in watch.after if not _page_problem(view, wanted.status, wanted.within_ms)), None)
        first = "every page came whole"
        if bad:
            first = _page_problem(bad[0], wanted.status, wanted.within_ms) or "another page came, without a slot"
        yield expected(
            "page",
            "status",
            "the page itself is hit while it lasts",
            first,
            bool(bad),
            watch.ms(bad[0].at) if bad else None,
        )
        seen = f"after {seconds(after.at - watch.ended)}" if after else "not while it was watched"
        yield expected("page", "heals", "whole again after the fault", seen, after is not None, watch.ms_of(after))
        return
    count = len(looked)
    wanted_words = f"{wanted.status} and whole, within {wanted.within_ms} ms, each time"
    if not bad:
        slowest = max((view.took_ms for view in looked), default=0)
        pages = f"{count} of {count} pages, the slowest in {slowest:.0f} ms" if count else "no page while it lasted"
        yield expected("page", "status", wanted_words, pages, count > 0)
        return
    problem = _page_problem(bad[0], wanted.status, wanted.within_ms) or "was another, without a slot"
    seen = f"{len(bad)} of {count} pages not: the first {problem}"
    yield expected("page", "status", wanted_words, seen, False, watch.ms(bad[0].at))


def _is_another(view: View, watch: Watch) -> bool:
    """Whether a page without any slot is not the control's page: an error page with status 200."""
    return not view.problem and not view.slots and any(control.slots for control in watch.controls)


def _page_problem(view: View, status: int, within_ms: float) -> str:
    if view.problem:
        return f"did not come ({view.problem}, after {view.took_ms:.0f} ms)"
    if view.status != status:
        return f"answered {view.status}"
    if not view.whole and status < 300:
        return "was cut before its end"
    return f"took {view.took_ms:.0f} ms" if view.took_ms > within_ms else ""


# --- slots that are hit


def _slot(slot: str, wanted: SlotExpectation, watch: Watch) -> Iterator[Expectation]:
    subject, during = f"slot {slot}", [(view, view.slots.get(slot)) for view in watch.during if not view.problem]
    hit = [(view, seen) for view, seen in during if seen is None or seen.state != FRESH]
    strange = [(view, seen) for view, seen in hit if seen is None or seen.state not in wanted.state]
    wanted_words = f"{' or '.join(wanted.state)} within {wanted.within_s:g} s"
    if strange:
        view, seen = strange[0]
        yield expected(subject, "state", wanted_words, is_(seen), False, watch.ms(view.at), wanted.within_s)
    elif hit:
        view, seen = hit[0]
        in_time = view.at - watch.began <= wanted.within_s
        words = f"{is_(seen)} on a page that was requested after {seconds(view.at - watch.began)}"
        yield expected(
            subject, "state", wanted_words, words, in_time or FRESH in wanted.state, watch.ms(view.at), wanted.within_s
        )
    else:
        words = f"fresh on all {len(during)} pages" if during else "no page came"
        yield expected(
            subject, "state", wanted_words, words, bool(during) and FRESH in wanted.state, None, wanted.within_s
        )
    shown = [(view, seen) for view, seen in hit if seen is not None]
    yield from _reasons(subject, wanted, shown, watch)
    yield from _words(subject, wanted, shown, watch)
    yield _heals(slot, wanted.heals_within_s, watch)


def _reasons(
    subject: str, wanted: SlotExpectation, shown: Sequence[tuple[View, SlotView]], watch: Watch
) -> Iterator[Expectation]:
    if not shown:
        return
    allowed = wanted.reason or sorted(REASONS)
    strange = [(view, seen) for view, seen in shown if seen.reason not in allowed]
    seen_reasons = ", ".join(dict.fromkeys(seen.reason or "none" for _, seen in shown))
    wanted_words = " or ".join(wanted.reason) if wanted.reason else "one of the closed list"
    at = watch.ms((strange or shown)[0][0].at)
    yield expected(subject, "reason", wanted_words, seen_reasons, not strange, at)


def _words(
    subject: str, wanted: SlotExpectation, shown: Sequence[tuple[View, SlotView]], watch: Watch
) -> Iterator[Expectation]:
    for words in wanted.words:
        found = next((view for view, seen in shown if words.casefold() in seen.words.casefold()), None)
        shown_words = shown[-1][1].words[:DIFFERENCE_CHARS_MAX] if shown else "it was fresh all the while"
        seen = "the same" if found else shown_words
        held = found is not None or (not shown and FRESH in wanted.state)
        yield expected(subject, "words", f"“{words}”", seen, held, watch.ms_of(found))


def _heals(slot: str, within_s: float, watch: Watch) -> Expectation:
    healed = _healed_at(slot, watch)
    wanted_words = f"fresh within {within_s:g} s of the fault's end"
    if healed is None:
        last = watch.after[-1] if watch.after else None
        left = is_(last.slots.get(slot)) if last else "nobody looked"
        seen = f"still {left} after {seconds(last.at - watch.ended)}" if last else left
        return expected(f"slot {slot}", "heals", wanted_words, seen, False, None, within_s)
    took_s = max(healed.at - watch.ended, 0)
    return expected(
        f"slot {slot}",
        "heals",
        wanted_words,
        f"after {seconds(took_s)}",
        took_s <= within_s,
        watch.ms(healed.at),
        within_s,
    )


def _healed_at(slot: str, watch: Watch) -> View | None:
    """The first visit after the fault's end from which on the slot was fresh."""
    healed: View | None = None
    for view in watch.after:
        seen = view.slots.get(slot)
        if seen is None or seen.state != FRESH:
            healed = None
        elif healed is None:
            healed = view
    return healed


# --- money, and what was done


def money(sums: Sequence[MoneySum]) -> Iterator[Expectation]:
    """Whether the player's money changed as the drill expects, and whether anything happened twice."""
    for each in sums:
        change = each.after_minor - each.before_minor
        wanted_words = f"{each.player} has {each.expected_change_minor:+d} {each.currency} (minor units) at the end"
        yield expected("money", "sum", wanted_words, f"{change:+d}", change == each.expected_change_minor)
        seen = f"{each.doubles} lines of the history too many" if each.doubles else "nothing"
        yield expected("money", "double", "nothing happened twice", seen, not each.doubles)


def failed(what: str, seen: str) -> Expectation:
    """A step, or a probe after the drill, that failed."""
    return expected(STEADY, "status", what, seen, False)


def proves_nothing(drill: Drill, hits: Sequence[Hit], found: Sequence[Expectation]) -> str:
    """Why the drill proves nothing: none of its faults hit anything, so everything was seen without a fault. Empty if
    something was hit, if a fault could not be counted, if the drill is an idle one, and if money or the steady state is
    wrong for whatever cause."""
    broken = [step for step in drill.method if step.act is None]
    countable = all(step.hop is not None and step.fault != "down" for step in broken)
    amiss = any(not each.held and each.subject in ("money", STEADY) for each in found)
    if not hits or not countable or amiss or IDLE in drill.tags or any(each.count for each in hits):
        return ""
    whom = " of a marked session" if all(drill.scope_of(step) == "session" for step in broken) else ""
    units = " or ".join(dict.fromkeys(f"{each.of.removesuffix('s')}{whom}" for each in hits))
    hops = ", ".join(dict.fromkeys(each.hop for each in hits))
    return f"It proves nothing: while {hops} was broken, no {units} met the fault there."


def only_late(found: Sequence[Expectation]) -> bool:
    """Whether the only failures are late siblings, which a busy machine causes without any fault. What a fault does to
    a sibling it does again, so a second run tells the two apart."""
    amiss = [each for each in found if not each.held]
    late = {each.subject for each in amiss if each.kind in ("state", "style") and each.seen.endswith(_LATE_WORDS)}
    return bool(amiss) and all(each.subject.startswith("sibling ") and each.subject in late for each in amiss)


# --- all of it


def phases(drill: Drill, watch: Watch, evidence: Evidence | None = None) -> Phases:
    """How fast the fault was seen, contained and healed: on the browser's page if it showed it, else by visits."""
    figures = figures_in(evidence) if evidence else Figures()
    if figures.detect_ms is None:
        return _phases_of_visits(drill, watch)
    return Phases(
        viewer="browser",
        fault_ms=watch.ms(watch.ended),
        detect_ms=figures.detect_ms,
        contain_ms=figures.contain_ms,
        recover_ms=figures.recover_ms,
    )


def _phases_of_visits(drill: Drill, watch: Watch) -> Phases:
    slots = drill.expect.slots
    wanted = drill.expect.page
    detect = contain = None
    for view in watch.during:
        hit = [slot for slot in slots if slot in view.slots and view.slots[slot].state != FRESH]
        broken = wanted.broken and bool(_page_problem(view, wanted.status, wanted.within_ms))
        if detect is None and (hit or broken):
            detect = view.at + view.took_ms / 1000
        well = all(
            slot in view.slots and view.slots[slot].state in each.state for slot, each in drill.expect.siblings.items()
        )
        rungs = all(slot in view.slots and view.slots[slot].state in each.state for slot, each in slots.items())
        if contain is None and hit and well and rungs:
            contain = view.at + view.took_ms / 1000
    healed = [_healed_at(slot, watch) for slot in slots] if detect is not None else []
    recover = None
    if healed and all(healed):
        recover = max(max(view.at - watch.ended, 0) for view in healed if view is not None) * 1000
    return Phases(
        fault_ms=watch.ms(watch.ended),
        detect_ms=None if detect is None else watch.ms(detect),
        contain_ms=None if contain is None else watch.ms(contain),
        recover_ms=None if recover is None else round(recover, 1),
    )


def _nothing_hit(hit: Hit) -> str:
    fault = FAULTS.get(hit.fault)
    why = f"nothing went over {hit.hop} meanwhile"
    if fault is not None and fault.layer is Layer.WEBSOCKET:
        why = f"no WebSocket message went over {hit.hop} meanwhile"
    why = _NOTHING_TO_HIT.get(hit.fault, why).format(hop=hit.hop)
    return f" The fault hit nothing: {why}. This proves only that pages do without the hop."


def sentence(found: Sequence[Expectation], hits: Sequence[Hit] = ()) -> str:
    """The result for a person: the first expectation that failed and how many more did; for a fault that hit nothing,
    why there was nothing to hit."""
    failed = [each for each in found if not each.held]
    if not failed:
        untouched = bool(hits) and not any(each.count for each in hits)
        return f"All {len(found)} expectations held.{_nothing_hit(hits[0]) if untouched else ''}"
    first, more = failed[0], len(failed) - 1
    rest = f" ({more} more did not hold)" if more else ""
    return f"{first.subject}: expected {first.expected}; seen: {first.seen}{rest}"
