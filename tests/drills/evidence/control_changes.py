"""Compares siblings again if the control itself has changed: such a change is not an effect of the fault.

Public: `Slots`, `Pair`, `beside`, `after`, `AGAIN`, `CHANGED`, `LOOKS_MAX`.

A difference counts at once if the control has not changed.
"""

from collections.abc import Awaitable, Callable, Collection

import msgspec

from tests.drills.evidence.siblings import SlotRendering, digest_of
from tests.drills.evidence.value import Moment, SiblingDigest
from tests.drills.evidence.volatile import SlotMarkup

# The slots of one page, as served and as rendered.
Slots = tuple[dict[str, SlotMarkup], dict[str, SlotRendering]]
# The slots of the tester's page, and of the control's at the same moment.
Pair = tuple[Slots, Slots]
LOOKS_MAX = 3
AGAIN = "compared again, as the control itself had changed"
CHANGED = "as on the page after the fault: it changed while there was no control"


async def beside(
    moment: Moment,
    slots: Collection[str],
    pair: Pair,
    earlier: Slots,
    take_anew: Callable[[], Awaitable[Pair | None]],
) -> list[SiblingDigest]:
    """Each of `slots` against the control's. If one differs, and the control's slot is not what it was `earlier` or in
    the last comparison, both pages are loaded and compared again; `take_anew` returns None if that is not possible."""
    found = {slot: _digest(slot, moment, pair) for slot in slots}
    for _ in range(LOOKS_MAX - 1):
        odd = [slot for slot, digest in found.items() if not digest.same]
        anew = await take_anew() if odd else None
        if anew is None:
            break
        moved = [slot for slot in odd if _moved(slot, earlier, pair[1]) or _moved(slot, pair[1], anew[1])]
        if not moved:
            break
        found |= {slot: msgspec.structs.replace(_digest(slot, moment, anew), note=AGAIN) for slot in moved}
        earlier, pair = pair[1], anew
    return [*found.values()]


def after(digests: Collection[SiblingDigest], taken: Slots, later: Slots) -> list[SiblingDigest]:
    """`digests` of an outage of everybody, whose control is the page before it. A slot that differs from that, and
    equals the page `later`, after the fault, is compared with the latter."""
    return [each if each.same else _as_later(each, taken, later) for each in digests]


def _as_later(digest: SiblingDigest, taken: Slots, later: Slots) -> SiblingDigest:
    slot = digest.slot
    of = [(served.get(slot), shown.get(slot)) for served, shown in (taken, later)]
    found = digest_of(slot, digest.moment, "after", of[0], of[1])
    return msgspec.structs.replace(found, note=CHANGED) if found.same and found.state == "fresh" else digest


def _digest(slot: str, moment: Moment, pair: Pair) -> SiblingDigest:
    ours, theirs = ((served.get(slot), shown.get(slot)) for served, shown in pair)
    return digest_of(slot, moment, "beside", ours, theirs)


def _moved(slot: str, earlier: Slots, later: Slots) -> bool:
    """Whether the slot has changed; False if it was not recorded before."""
    return slot in earlier[0] and not _digest(slot, "before", (later, earlier)).same
