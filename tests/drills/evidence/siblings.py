"""Compares one slot of the tester's page with the same slot of the control, by bytes, words, style and actions.

Public: `SlotRendering`, `digest_of`.
"""

import difflib
import hashlib
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from tests.drills.evidence.value import ActionCheck, Difference, Moment, SiblingDigest
from tests.drills.evidence.volatile import SlotMarkup

VALUE_CHARACTERS_MAX = 160
DIFFERENCES_MAX = 20
STYLED_ELEMENTS_MAX = 40
ACTIONS_MAX = 12
# Properties whose change a person would see; those that follow from another one are left out.
STYLE_PROPERTIES = (
    "display",
    "position",
    "visibility",
    "opacity",
    "color",
    "background-color",
    "background-image",
    "border-top-color",
    "border-top-width",
    "border-top-left-radius",
    "font-family",
    "font-size",
    "font-weight",
    "line-height",
    "text-decoration-line",
    "margin-top",
    "margin-left",
    "padding-top",
    "padding-left",
    "width",
    "height",
    "transform",
)


class Action(msgspec.Struct, frozen=True):
    """`detail` says what prevents the action; empty if nothing does."""

    name: str
    detail: str = ""


class SlotRendering(msgspec.Struct, frozen=True):
    """A slot in an open page; `styles` maps a place in the slot to its computed values."""

    slot: str
    state: str
    text: str
    styles: list[tuple[str, dict[str, str]]]
    actions: list[Action]


def digest_of(
    slot: str,
    moment: Moment,
    against: Literal["beside", "before", "after"],
    tester: tuple[SlotMarkup | None, SlotRendering | None],
    control: tuple[SlotMarkup | None, SlotRendering | None],
) -> SiblingDigest:
    """Compares both as served and, if a browser rendered them, as rendered."""
    (served, shown), (control_served, control_shown) = tester, control
    tokens = served.tokens if served else ()
    control_tokens = control_served.tokens if control_served else ()
    bytes_differ, differences = _bytes(tokens, control_tokens)
    text = shown.text if shown else served.text if served else ""
    control_text = control_shown.text if control_shown else control_served.text if control_served else ""
    if text != control_text:
        differences.append(_difference("text", slot, *_where_apart(text, control_text)))
    styled = styles_differ = None
    if shown and control_shown:
        styles = list(_styles(shown, control_shown))
        styled, styles_differ = max(len(shown.styles), len(control_shown.styles)), len({at.where for at in styles})
        differences += styles
    return SiblingDigest(
        slot=slot,
        moment=moment,
        against=against,
        bytes=_size(tokens),
        control_bytes=_size(control_tokens),
        bytes_differ=bytes_differ,
        digest=_digest(tokens),
        control_digest=_digest(control_tokens),
        text_same=text == control_text,
        state=_state(served, shown),
        control_state=_state(control_served, control_shown),
        masked=served.masked if served else 0,
        styled_elements=styled,
        styles_differ=styles_differ,
        actions=_actions(shown, control_shown),
        differences=tuple(differences[:DIFFERENCES_MAX]),
    )


def _state(served: SlotMarkup | None, shown: SlotRendering | None) -> str:
    if shown:
        return shown.state
    return served.attributes.get("data-state", "") if served else "absent"


def _size(tokens: Sequence[str]) -> int:
    return sum(len(token.encode()) for token in tokens)


def _digest(tokens: Sequence[str]) -> str:
    return hashlib.sha256("".join(tokens).encode()).hexdigest()[:16]


def _bytes(tester: Sequence[str], control: Sequence[str]) -> tuple[int, list[Difference]]:
    """How many bytes are in one and not in the other, counted in whole tags and texts."""
    if tester == control:
        return 0, []
    count, found = 0, []
    matcher = difflib.SequenceMatcher(None, tester, control, autojunk=False)
    for how, low, high, control_low, control_high in matcher.get_opcodes():
        if how == "equal":
            continue
        ours, theirs = tester[low:high], control[control_low:control_high]
        count += max(_size(ours), _size(theirs))
        found.append(_difference("bytes", f"piece {low + 1} of {len(tester)}", "".join(ours), "".join(theirs)))
    return count, found


def _styles(tester: SlotRendering, control: SlotRendering) -> Iterator[Difference]:
    if [where for where, _ in tester.styles] != [where for where, _ in control.styles]:
        yield _difference("style", "elements", str(len(tester.styles)), str(len(control.styles)))
        return
    for (where, ours), (_, theirs) in zip(tester.styles, control.styles, strict=True):
        for name in ours.keys() & theirs.keys():
            if ours[name] != theirs[name]:
                yield _difference("style", f"{where}: {name}", ours[name], theirs[name])


def _actions(tester: SlotRendering | None, control: SlotRendering | None) -> tuple[ActionCheck, ...]:
    """An action that is not possible on the control either is not harm done by the fault."""
    if not tester:
        return ()
    hindered = {action.name for action in control.actions if action.detail} if control else set()
    return tuple(
        ActionCheck(action.name, works=not action.detail or action.name in hindered, detail=action.detail)
        for action in tester.actions
    )


def _where_apart(tester: str, control: str) -> tuple[str, str]:
    """Both texts from a little before the first difference."""
    place = next(
        (n for n, (a, b) in enumerate(zip(tester, control, strict=False)) if a != b), min(map(len, (tester, control)))
    )
    start = max(0, place - 30)
    return tester[start:], control[start:]


def _difference(aspect: Literal["bytes", "text", "style"], where: str, tester: str, control: str) -> Difference:
    cut = VALUE_CHARACTERS_MAX
    return Difference(aspect, where[:cut], tester[:cut], control[:cut])
