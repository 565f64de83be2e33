"""What a drill came to, in plain words for somebody who was not there.

Public: `lead`, `what_was_broken`, `siblings_sentence`, `healed_sentence`, `duration`, `moment`, `listed`,
`count`.
"""

from collections.abc import Callable, Mapping, Sequence

from tests.drills.evidence.value import Evidence, SiblingDigest, Transition
from tests.drills.journal import Findings, Journal
from tests.drills.proxy.faults import FAULTS
from tests.drills.verdict import Verdict

Attributes = Mapping[str, int | str]
# What the one that is called did, as whoever called it saw it. A fault without a phrase is said with its own claim.
PHRASES: Mapping[str, Callable[[Attributes], str]] = {
    "down": lambda _: "could not be reached",
    "latency": lambda given: f"answered {duration(_number(given, 'latency'))} late",
    "bandwidth": lambda given: f"answered at {_number(given, 'rate'):g} KB a second",
    "slow_close": lambda given: f"closed connections {duration(_number(given, 'delay'))} late",
    "timeout": lambda _: "did not answer",
    "reset_peer": lambda _: "reset every connection",
    "slicer": lambda _: "answered in small pieces",
    "limit_data": lambda given: f"was cut off after {_number(given, 'bytes'):g} bytes",
    "status": lambda given: f"answered {given.get('status', 503)}",
    "unavailable": lambda _: "answered 503 with a Retry-After",
    "throttled": lambda _: "answered 429 with a Retry-After",
    "error_page": lambda _: "answered 200 with an error page",
    "malformed": lambda given: f"answered nonsense ({given.get('how', 'garbage')})",
    "oversize": lambda _: "answered far too much",
    "bomb": lambda _: "answered with a compression bomb",
    "redirect": lambda given: f"redirected ({given.get('to', 'elsewhere')})",
    "truncated": lambda given: f"was cut off {_number(given, 'bytes'):g} bytes into its answer",
    "wrong_type": lambda _: "answered under another content type",
    "stale_clock": lambda given: f"answered with a clock that is {duration(_number(given, 'seconds') * 1000)} off",
    "slow_first_byte": lambda given: f"kept its answer back for {duration(_number(given, 'delay'))}",
    "silence": lambda _: "kept its sockets open and sent nothing",
    "gap": lambda given: f"lost every message of {_number(given, 'every'):g}",
    "duplicate": lambda _: "sent every message again",
    "reorder": lambda _: "sent messages in the opposite order",
    "flood": lambda given: f"sent {_number(given, 'rate'):g} messages a second",
    "close_code": lambda given: f"closed its sockets with code {given.get('code', 1011)}",
}
QUOTED_MAX = 90


def lead(journal: Journal, evidence: Evidence | None) -> str:
    """What was broken, what was not, and how it healed."""
    found = journal.mullion
    if found.verdict is Verdict.COULD_NOT_RUN:
        return f"“{journal.experiment.title}” could not be run, and nothing was broken: {_sentence(found.sentence)}"
    parts = [what_was_broken(journal, evidence)]
    if found.verdict is not Verdict.HELD:
        how = "was stopped before its end" if found.verdict is Verdict.ABORTED else "did not go as expected"
        parts.append(f"It {how}: {_sentence(found.sentence)}")
    parts += [siblings_sentence(found, evidence), healed_sentence(evidence)]
    return " ".join(part for part in parts if part)


def what_was_broken(journal: Journal, evidence: Evidence | None) -> str:
    """One sentence: who did what, for how long, for whom."""
    found = journal.mullion
    lasted = _lasted_ms(found, evidence)
    how_long = f" for {duration(lasted)}" if lasted else ""
    if not found.hop or not found.fault:
        return f"{journal.experiment.title.rstrip('.')}{how_long}{_whom(found)}."
    caller, _, called = found.hop.partition(":")
    phrase = PHRASES.get(found.fault)
    saw = "" if caller == "shell" else f" {_seen_by(caller)}"
    if phrase is None:
        claim = FAULTS[found.fault].claim.rstrip(".").lower() if found.fault in FAULTS else found.fault
        return f"{_capital(_name(called))} was broken ({claim}){saw}{how_long}{_whom(found)}."
    return f"{_capital(_name(called))} {phrase(found.attributes)}{saw}{how_long}{_whom(found)}."


def siblings_sentence(found: Findings, evidence: Evidence | None) -> str:
    """The blast radius, with the figures that it was measured by."""
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
    same = [each for each in digests if each.same]
    return " ".join(
        [
            *_unharmed([each.slot for each in same], _measured(same)),
            *(f"The {each.slot} {_was([each.slot])} affected: {_harm(each)}." for each in digests if not each.same),
        ]
    )


def healed_sentence(evidence: Evidence | None) -> str:
    """What the broken slots said, after how long, and when they were back."""
    if not evidence or not evidence.broken_slots or evidence.detect_ms is None:
        return ""
    slots = listed(evidence.broken_slots)
    quoted = f" and said “{shown}”" if (shown := _words_shown(evidence).rstrip(".")) else ""
    first = f"{_capital(slots)} fell back after {duration(evidence.detect_ms)}{quoted}"
    if evidence.recover_ms is None:
        return f"{first}; it was not seen to heal." if evidence.fault_ended_ms is not None else f"{first}."
    return f"{first}; {duration(evidence.recover_ms)} after the end everything was back, without a reload."


def duration(ms: float) -> str:
    """Milliseconds as a person says them: 580 ms, 3.3 s, 2 min."""
    if abs(ms) < 1000:
        return f"{ms:.0f} ms"
    if abs(ms) < 120_000:
        return f"{ms / 1000:.1f}".removesuffix(".0") + " s"
    if abs(ms) < 2 * 3_600_000:
        return f"{ms / 60_000:.0f} min"
    return f"{ms / 3_600_000:.0f} h"


def moment(iso: str) -> str:
    """2026-03-01T12:00:00.5+00:00 → 2026-03-01 12:00:00 UTC, and anything else as it came."""
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
    named = f"The {slots[0]}" if len(slots) == 1 else _capital(listed(slots))
    return [f"{named} {_was(slots)} not affected: {measured}."]


def _measured(same: Sequence[SiblingDigest]) -> str:
    parts = [f"0 of {sum(each.bytes for each in same):,} bytes differ", "the words are the same"]
    if styled := sum(each.styled_elements or 0 for each in same):
        parts.append(f"so is the look of {count(styled, 'element')}")
    if actions := sum(len(each.actions) for each in same):
        parts.append(
            f"and all {count(actions, 'action')} still work" if actions > 1 else "and what can be done still works"
        )
    beside = all(each.against == "beside" for each in same)
    against = "a page beside it without the fault" if beside else "the same page before the fault"
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


def _seen_by(caller: str) -> str:
    return f"(as {'browsers' if caller == 'browser' else _name(caller)} saw it)"


def _was(slots: Sequence[str]) -> str:
    return "were" if len(slots) > 1 or slots[0].endswith("s") else "was"


def _name(process: str) -> str:
    return {"valkey": "Valkey", "shell": "the shell"}.get(process, process)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _number(given: Attributes, name: str) -> float:
    found = given.get(name, 0)
    return found if isinstance(found, int) else 0
