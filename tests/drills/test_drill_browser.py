"""What only a browser can tell of a drill is judged too."""

from typing import Any

import msgspec
import pytest

from tests.drills.evidence.value import (
    ActionCheck,
    AxeRun,
    AxeViolation,
    ConsoleError,
    Difference,
    Evidence,
    SiblingDigest,
    Transition,
)
from tests.drills.kit.loader import parse
from tests.drills.runner.judge import only_late
from tests.drills.runner.judge_browser import watched

DRILL = parse(
    b"title: a\nmethod: [{hop: 'shell:promotions', fault: latency}]\nexpect: {siblings: {wallet: {}}}", "d.yaml"
)
SAME = SiblingDigest(
    slot="wallet",
    moment="during",
    against="beside",
    bytes=10,
    control_bytes=10,
    bytes_differ=0,
    digest="a",
    control_digest="a",
    text_same=True,
    state="fresh",
    control_state="fresh",
    styled_elements=12,
    styles_differ=0,
    actions=(ActionCheck("Deposit", True),),
)
SOUND = Evidence(
    recording="browser",
    base_url="http://localhost",
    path="/",
    began_at="2026-03-01T12:00:00Z",
    ended_at="2026-03-01T12:00:10Z",
    siblings=(SAME,),
    axe=(AxeRun("during", (AxeViolation("region", "moderate", "All content in landmarks"),)),),
)


def test_sound_page_holds() -> None:
    found = [*watched(DRILL, SOUND)]
    assert [(each.kind, each.held) for each in found] == [
        ("style", True), ("action", True), ("axe", True), ("errors", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "kind", "sentence"),
    [
        (
            {
                "siblings": (
                    msgspec.structs.replace(
                        SAME, styles_differ=1, differences=(Difference("style", "h2 color", "red", "black"),)
                    ),
                )
            },
            "style",
            "1 of 12 elements differ, the first at h2 color: black became red",
        ),
        (
            {"siblings": (msgspec.structs.replace(SAME, actions=(ActionCheck("Deposit", False, "it is covered"),)),)},
            "action",
            "Deposit: it is covered",
        ),
        (
            {"axe": (AxeRun("during", (AxeViolation("color-contrast", "serious", "Enough contrast"),)),)},
            "axe",
            "color-contrast: Enough contrast",
        ),
        ({"console_errors": (ConsoleError(1, "tester", "boom"),)}, "errors", "1, the first: boom"),
    ],
)
def test_what_a_browser_saw_amiss_is_named(change: dict[str, Any], kind: str, sentence: str) -> None:
    found = {each.kind: each for each in watched(DRILL, msgspec.structs.replace(SOUND, **change))}
    assert {name for name, each in found.items() if not each.held} == {kind}
    assert found[kind].seen == sentence


def test_error_that_a_drill_declares_is_none() -> None:
    drill = msgspec.structs.replace(DRILL, expect=msgspec.structs.replace(DRILL.expect, console_errors=["boom"]))
    found = [*watched(drill, msgspec.structs.replace(SOUND, console_errors=(ConsoleError(1, "tester", "a boom"),)))]
    assert all(each.held for each in found)


@pytest.mark.parametrize(
    ("states", "timeline", "held", "seen"),
    [
        (("degraded", "degraded"), (), True, "degraded, also without the fault"),
        (("degraded", "fresh"), (Transition(2000, "wallet", "degraded", viewer="control"),), True,
         "degraded, also without the fault"),
        (("degraded", "fresh"), (), False, "degraded"),
        (("degraded", "fresh"), (Transition(2000, "wallet", "degraded", "timeout"),), False, "degraded (timeout)"),
        (("fresh", "degraded"), (), True, "fresh; the control was degraded, so that looks were not compared"),
    ],
)  # fmt: skip
def test_sibling_that_is_not_fresh_is_judged_by_whether_the_control_was(
    states: tuple[str, str], timeline: tuple[Transition, ...], held: bool, seen: str
) -> None:
    digest = msgspec.structs.replace(SAME, state=states[0], control_state=states[1], styles_differ=3)
    evidence = msgspec.structs.replace(
        SOUND, siblings=(digest,), timeline=timeline, fault_began_ms=1000, fault_ended_ms=5000
    )
    [style] = [each for each in watched(DRILL, evidence) if each.kind == "style"]
    assert (style.held, style.seen) == (held, seen)
    assert only_late([style]) is ("timeout" in seen), "a second look is for what a busy machine makes late"
