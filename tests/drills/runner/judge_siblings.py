"""Compares the slots that a fault must not reach with the control: the blast radius.

Public: `siblings`, `sibling`, `others`.

A state that the control shows at about the same time is not an effect of the fault: on a busy machine the tester is as
late as everybody. If everybody is hit, a sibling may equal the page before the fault or the one after it, since an
offer may end meanwhile; what equals neither deviates.
"""

from collections.abc import Iterator

from tests.drills.journal import Expectation, Sibling
from tests.drills.kit.drill import Drill, SiblingExpectation
from tests.drills.runner.page import SlotView, View
from tests.drills.runner.watch import FRESH, Watch, expected, is_


def siblings(drill: Drill, watch: Watch) -> list[Sibling]:
    """The comparison of each sibling's bytes with the control."""
    made = []
    for slot, wanted in drill.expect.siblings.items():
        control = next((view.slots[slot] for view in reversed(watch.controls) if slot in view.slots), None)
        views = [view for view in watch.during if slot in view.slots]
        seen = [view.slots[slot] for view in views if not _is_everybodys(slot, view, wanted, watch)]
        if not wanted.bytes or control is None or not seen:
            continue
        controls = {view.slots[slot].digest for view in watch.controls if slot in view.slots}
        later = _digests_after(slot, drill, watch) - controls
        strange = next((each for each in seen if each.digest not in controls | later), None)
        changed = sum(each.digest in later for each in seen)
        made.append(
            Sibling(
                slot=slot,
                compared="bytes",
                control=control.digest,
                seen=(strange or seen[-1]).digest,
                same=strange is None,
                samples=len(seen),
                difference=_difference(control, strange) if strange else "",
                note=f"on {changed} of them as after the fault: it changed while there was no control" * bool(changed),
            )
        )
    return made


def _digests_after(slot: str, drill: Drill, watch: Watch) -> set[str]:
    """The slot's digests after everybody's outage, on pages where every slot of the drill was fresh again."""
    if watch.is_beside:
        return set()
    well = [
        view
        for view in watch.after
        if all(name in view.slots and view.slots[name].state == FRESH for name in (*drill.slots, slot))
    ]
    return {view.slots[slot].digest for view in well}


def sibling(slot: str, wanted: SiblingExpectation, watch: Watch, compared: Sibling | None) -> Iterator[Expectation]:
    subject, seen = f"sibling {slot}", [(view, view.slots.get(slot)) for view in watch.during if not view.problem]
    amiss = [(view, each) for view, each in seen if each is None or each.state not in wanted.state]
    strange = next(((view, each) for view, each in amiss if watch.is_of_the_fault(slot, view)), None)
    wanted_words = f"{' or '.join(wanted.state)} on every page"
    if strange:
        yield expected(subject, "state", wanted_words, is_(strange[1]), False, watch.ms(strange[0].at))
    elif amiss:
        words = f"{is_(amiss[0][1])} on {len(amiss)} of {len(seen)} pages, also without the fault"
        yield expected(subject, "state", wanted_words, words, True, watch.ms(amiss[0][0].at))
    else:
        yield expected(subject, "state", wanted_words, f"on all {len(seen)} pages", bool(seen))
    seen = [(view, each) for view, each in seen if not _is_everybodys(slot, view, wanted, watch)]
    if not seen and amiss:
        return
    if wanted.bytes:
        same = compared is not None and compared.same
        words = (
            "no page to compare"
            if compared is None
            else compared.difference
            or ", ".join([f"equal on {compared.samples} pages", *filter(None, [compared.note])])
        )
        yield expected(subject, "bytes", "the same markup as the control", words, same)
    for action in wanted.actions:
        missing = next((view for view, each in seen if each is None or action not in each.actions), None)
        words = "it is gone" if missing else f"on all {len(seen)} pages"
        yield expected(
            subject,
            "action",
            f"the form “{action}” is offered",
            words,
            missing is None and bool(seen),
            watch.ms_of(missing),
        )


def others(slot: str, watch: Watch) -> Iterator[Expectation]:
    """Whether visitors without the mark do not see what `slot` shows to the tester: most of their pages are fresh."""
    hit = [view for view in watch.during if slot in view.slots and view.slots[slot].state != FRESH]
    if not watch.is_beside or not hit:
        return
    beside = [each for each in watch.controls if hit[0].at <= each.at < watch.ended and not each.problem]
    amiss = [each for each in beside if slot not in each.slots or each.slots[slot].state != FRESH]
    seen = f"{is_(amiss[0].slots.get(slot))} on {len(amiss)} of {len(beside)} pages" if amiss else "fresh"
    wanted_words = f"{slot} is fresh for everybody else"
    yield expected(
        "others", "state", wanted_words, seen, 2 * len(amiss) <= len(beside), watch.ms_of(amiss[0] if amiss else None)
    )


def _is_everybodys(slot: str, view: View, wanted: SiblingExpectation, watch: Watch) -> bool:
    """Whether the slot is not as expected in `view`, and equally so for visitors whom the fault does not reach."""
    seen = view.slots.get(slot)
    return (seen is None or seen.state not in wanted.state) and not watch.is_of_the_fault(slot, view)


def _difference(control: SlotView, seen: SlotView) -> str:
    """The first difference of two markups, in a few words of each."""
    before, after = control.words, seen.words
    if before == after:
        before, after = control.steady, seen.steady
    shared = next(
        (place for place, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after))
    )
    start = before.rfind(" ", 0, max(shared - 30, 0)) + 1
    return f"“{before[start : start + 60]}” became “{after[start : start + 60]}”"
