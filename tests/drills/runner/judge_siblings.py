"""Slots that a fault must not reach, against the control: the blast radius.

Public: `siblings`, `sibling`.
"""

from collections.abc import Iterator

from tests.drills.journal import Expectation, Sibling
from tests.drills.kit.drill import Drill, SiblingExpectation
from tests.drills.runner.page import SlotView
from tests.drills.runner.watch import Watch, expected, is_


def siblings(drill: Drill, watch: Watch) -> list[Sibling]:
    """Each sibling whose bytes are compared, against the control."""
    made = []
    for slot, wanted in drill.expect.siblings.items():
        control = next((view.slots[slot] for view in reversed(watch.controls) if slot in view.slots), None)
        seen = [view.slots[slot] for view in watch.during if slot in view.slots]
        if not wanted.bytes or control is None or not seen:
            continue
        controls = {view.slots[slot].digest for view in watch.controls if slot in view.slots}
        strange = next((each for each in seen if each.digest not in controls), None)
        made.append(
            Sibling(
                slot=slot,
                compared="bytes",
                control=control.digest,
                seen=(strange or seen[-1]).digest,
                same=strange is None,
                samples=len(seen),
                difference=_difference(control, strange) if strange else "",
            )
        )
    return made


def sibling(slot: str, wanted: SiblingExpectation, watch: Watch, compared: Sibling | None) -> Iterator[Expectation]:
    subject, seen = f"sibling {slot}", [(view, view.slots.get(slot)) for view in watch.during if not view.problem]
    strange = next(((view, each) for view, each in seen if each is None or each.state not in wanted.state), None)
    asked = f"{' or '.join(wanted.state)} on every page"
    if strange:
        yield expected(subject, "state", asked, is_(strange[1]), False, watch.ms(strange[0].at))
    else:
        yield expected(subject, "state", asked, f"on all {len(seen)} pages", bool(seen))
    if wanted.bytes:
        same = compared is not None and compared.same
        words = (
            "no page to compare" if compared is None else compared.difference or f"equal on {compared.samples} pages"
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


def _difference(control: SlotView, seen: SlotView) -> str:
    """Where two markups part, in a few words of each."""
    before, after = control.words, seen.words
    if before == after:
        before, after = control.steady, seen.steady
    shared = next(
        (place for place, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after))
    )
    start = before.rfind(" ", 0, max(shared - 30, 0)) + 1
    return f"“{before[start : start + 60]}” became “{after[start : start + 60]}”"
