"""Which slots of a page stand inside another one, as far as operators trust what is in them.

Whoever stands around a slot draws it: fades it out, lays something over it, has clicks fall through it. So no slot
stands inside a fragment that is trusted less than its own. It gets a place of the layout's, right behind that one.
Public: `seated`.
"""

from dataclasses import replace
from functools import lru_cache

from bff.resilience import log
from shell.composition.page import Page, Slot
from shell.composition.release import Release, Snapshot

logger = log.get("pages")


def seated(page: Page, snapshot: Snapshot) -> Page:
    """`page` as it is composed from `snapshot`; that very page where every slot may stand where the table has it."""
    if not page.nested:
        return page
    apart = frozenset(
        slot.name
        for around, nested in page.nested.items()
        for slot in nested
        if _is_trusted(snapshot, slot) and _is_sandboxed(snapshot, page.slot(around))
    )
    return _with_apart(page, apart) if apart else page


def _is_trusted(snapshot: Snapshot, slot: Slot) -> bool:
    return any(not release.sandboxed for release in _drawn_by(snapshot, slot))


def _is_sandboxed(snapshot: Snapshot, slot: Slot | None) -> bool:
    return slot is not None and any(release.sandboxed for release in _drawn_by(snapshot, slot))


def _drawn_by(snapshot: Snapshot, slot: Slot) -> list[Release]:
    """All that may draw a slot of one view; a preview from a team's own machine is trusted less than what is live."""
    canary = snapshot.canaries.get(slot.fragment)
    found = [snapshot.releases.get(slot.fragment), canary.release if canary else None]
    return [release for release in found if release is not None]


@lru_cache(maxsize=64)
def _with_apart(page: Page, apart: frozenset[str]) -> Page:
    """Always the same page for the same, which is rendered once."""
    slots = []
    for slot in page.slots:
        if slot.name in apart:
            logger.warning("slot_set_apart", page=page.name, slot=slot.name, around=slot.inside, reason="trust")
            slot = replace(slot, inside="", behind=slot.inside, awaited_ms=0)
        slots.append(slot)
    return replace(page, slots=tuple(slots))
