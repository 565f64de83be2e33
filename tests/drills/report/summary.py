"""The result of a drill, in plain words for a person who was not there.

Public: `lead`, `what_was_broken`, `siblings_sentence`, `healed_sentence`, `money_sentence`, `broken_slots`,
`hit_slots`, `moment`, `listed`, `count`.
"""

from collections.abc import Sequence

from tests.drills.evidence.value import Evidence, SiblingDigest, Transition
from tests.drills.journal import Expectation, Findings, Journal, MoneySum
from tests.drills.phrases import amount, broken, capital, duration
from tests.drills.report.steps import fault_of
from tests.drills.verdict import Verdict

QUOTED_MAX = 90
AGAINST = {
    "beside": "a page beside it without the fault",
    "before": "the same page before the fault",
    "after": "the same page after the fault, as it changed while there was no control",
}


def lead(journal: Journal, evidence: Evidence | None) -> str:
    """What was broken, what was not, and how it healed."""
    found = journal.mullion
    if found.verdict is Verdict.COULD_NOT_RUN:
        what = "hit nothing" if found.hits else "could not be run, and nothing was broken"
        return f"“{journal.experiment.title}” {what}: {_sentence(found.sentence)}"
    parts = [what_was_broken(journal, evidence)]
    if found.verdict is not Verdict.HELD:
        how = "was stopped before its end" if found.verdict is Verdict.ABORTED else "did not go as expected"
        parts.append(f"It {how}: {_sentence(found.sentence)}")
    parts += [siblings_sentence(found, evidence), healed_sentence(found, evidence), money_sentence(found)]
    return " ".join(part for part in parts if part)


def what_was_broken(journal: Journal, evidence: Evidence | None) -> str:
    """One sentence: what was broken, how, for how long, for whom."""
    found = journal.mullion
    how_long = _how_long(journal, evidence)
    if found.hop and found.fault:
        what = broken(found.hop, found.fault, found.attributes)
    else:
        what = fault_of(journal) or journal.experiment.title.rstrip(".")
    return f"{what}{how_long}{_whom(found)}."


def _how_long(journal: Journal, evidence: Evidence | None) -> str:
    """How long the fault lasted, or how often and how long each time."""
    found = journal.mullion
    steps = [step.activity for step in journal.run if step.activity.name.startswith(f"{found.hop} {found.fault} ")]
    each_s = next((step.provider.get("arguments", {}).get("ttl_s") for step in steps), None)
    if len(steps) > 1 and each_s:
        return f" {count(len(steps), 'time')}, for {duration(each_s * 1000)} each"
    lasted = _lasted_ms(found, evidence)
    return f" for {duration(lasted)}" if lasted else ""


def money_sentence(found: Findings) -> str:
    """The money of each player at the end, if it is as expected; if not, the verdict says so."""
    return " ".join(_money(each) for each in found.money if each.held)


def _money(each: MoneySum) -> str:
    who = capital(each.player.removeprefix("pl_"))
    has, change = amount(each.after_minor, each.currency), each.after_minor - each.before_minor
    if not change:
        return f"{who} has {has}, as before, and nothing was booked."
    way = "more" if change > 0 else "less"
    return (
        f"{who} has {has}: {amount(abs(change), each.currency)} {way}, as it should be, and nothing was booked twice."
    )


def siblings_sentence(found: Findings, evidence: Evidence | None) -> str:
    """The blast radius, with its figures."""
    if not evidence or not (digests := [each for each in evidence.siblings if each.moment == "during"]):
        compared = [each for each in found.siblings if each.compared == "bytes"]
        return " ".join(
            [
                *_unharmed(
                    [each.slot for each in compared if each.same], "the markup is the same as without the fault"
                ),
                *(
                    f"The {each.slot} {_was([each.slot])} affected: {each.difference}."
                    for each in compared
                    if not each.same
                ),
            ]
        )
    everybodys = {each.subject.removeprefix("sibling ") for each in found.expectations if _is_everybodys(each)}
    # The page in the browser's picture may be fine while one before or after it was not: the paragraph says which.
    amiss = {each.subject.removeprefix("sibling ") for each in found.expectations if not each.held}
    same = [each for each in digests if each.same and each.slot not in amiss]
    return " ".join(
        [
            *_unharmed([each.slot for each in same], _measured(same)),
            *(
                f"The {each.slot} {_was([each.slot])} {each.state}, also without the fault."
                if each.slot in everybodys
                else f"The {each.slot} {_was([each.slot])} affected: {_harm(each)}."
                for each in digests
                if not each.same
            ),
        ]
    )


def _is_everybodys(each: Expectation) -> bool:
    return each.kind == "style" and each.held and each.seen.endswith(("also without the fault", "not compared"))


def healed_sentence(found: Findings, evidence: Evidence | None) -> str:
    """What the broken slots showed, after how long, and when they were fresh again."""
    phases, slots = found.phases, hit_slots(found, evidence)
    if not slots or phases.detect_ms is None:
        return ""
    quoted = f" and said “{shown}”" if evidence and (shown := _words_shown(evidence).rstrip(".")) else ""
    first = f"{capital(listed(slots))} fell back after {duration(phases.detect_ms)}{quoted}"
    if phases.recover_ms is None:
        return f"{first}; it was not seen to heal."
    how = ", without a reload" if phases.viewer == "browser" else ""
    return f"{first}; {duration(phases.recover_ms)} after the end everything was back{how}."


def hit_slots(found: Findings, evidence: Evidence | None) -> tuple[str, ...]:
    """Those of the broken slots that showed the fault on any page."""
    states = [(slot, each.at_ms, each.state) for slot, samples in found.slots.items() for each in samples]
    if evidence:
        origin = evidence.fault_began_ms or 0
        states += [(e.slot, e.at_ms - origin, e.state) for e in evidence.timeline if e.viewer == "tester"]
    seen = {slot for slot, at_ms, state in states if _is_hit(at_ms, state, found)}
    return tuple(slot for slot in broken_slots(found, evidence) if slot in seen)


def broken_slots(found: Findings, evidence: Evidence | None) -> tuple[str, ...]:
    """The slots that the fault may touch, by the drill's expectations or by the recorder's evidence."""
    subjects = (each.subject.partition("slot ") for each in found.expectations)
    expected = tuple(dict.fromkeys(name for before, slot, name in subjects if slot and not before))
    return expected or (evidence.broken_slots if evidence else ())


def _is_hit(at_ms: float, state: str, found: Findings) -> bool:
    return 0 <= at_ms < (found.phases.fault_ms or 0) and state not in ("", "fresh", "absent")


def moment(iso: str) -> str:
    """2026-03-01T12:00:00.5+00:00 → 2026-03-01 12:00:00 UTC; anything else unchanged."""
    day, found, rest = iso.partition("T")
    return f"{day} {rest[:8]} UTC" if found and rest.endswith(("Z", "+00:00")) else iso


def listed(names: Sequence[str]) -> str:
    """a, b and c."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _unharmed(slots: Sequence[str], measured: str) -> list[str]:
    if not slots:
        return []
    named = f"The {slots[0]}" if len(slots) == 1 else capital(listed(slots))
    return [f"{named} {_was(slots)} not affected: {measured}."]


def _measured(same: Sequence[SiblingDigest]) -> str:
    parts = [f"0 of {sum(each.bytes for each in same):,} bytes differ", "the words are the same"]
    if styled := sum(each.styled_elements or 0 for each in same):
        parts.append(f"so is the look of {count(styled, 'element')}")
    if actions := sum(len(each.actions) for each in same):
        parts.append(
            f"and all {count(actions, 'action')} still work" if actions > 1 else "and what can be done still works"
        )
    against = listed([words for name, words in AGAINST.items() if any(each.against == name for each in same)])
    return f"{', '.join(parts)}, compared with {against}"


def _harm(digest: SiblingDigest) -> str:
    parts = []
    if digest.state != digest.control_state:
        parts.append(f"it was {digest.state}, and {digest.control_state} without the fault")
    if digest.bytes_differ:
        parts.append(f"{digest.bytes_differ:,} of {max(digest.bytes, digest.control_bytes):,} bytes differ")
    shown = next((each for each in digest.differences if each.aspect != "style"), None)
    if shown:
        parts.append(f"“{shown.control[:QUOTED_MAX]}” became “{shown.tester[:QUOTED_MAX]}”")
    if digest.styles_differ:
        parts.append(f"{count(digest.styles_differ, 'element')} look different")
    broken = [each for each in digest.actions if not each.works]
    if broken:
        parts.append(f"{broken[0].name}: {broken[0].detail}")
    return "; ".join(parts)


def _words_shown(evidence: Evidence) -> str:
    """The words of the first broken slot that had any."""

    def counts(each: Transition) -> bool:
        return each.viewer == "tester" and each.slot in evidence.broken_slots and each.state not in ("fresh", "absent")

    words = next((each.words for each in evidence.timeline if counts(each) and each.words), "")
    return words if len(words) <= QUOTED_MAX else words[:QUOTED_MAX].rsplit(" ", 1)[0] + " …"


def _lasted_ms(found: Findings, evidence: Evidence | None) -> float:
    if found.phases.fault_ms is not None:
        return found.phases.fault_ms
    if evidence and evidence.fault_began_ms is not None and evidence.fault_ended_ms is not None:
        return evidence.fault_ended_ms - evidence.fault_began_ms
    return 0


def _whom(found: Findings) -> str:
    return ", for one browser session" if found.scope == "session" else ""


def _was(slots: Sequence[str]) -> str:
    return "were" if len(slots) > 1 or slots[0].endswith("s") else "was"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
