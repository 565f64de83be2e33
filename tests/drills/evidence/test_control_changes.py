"""What changes by itself while a drill runs is not taken for the fault's doing, and what the fault does still is."""

from collections.abc import Sequence

import pytest

from tests.drills.evidence import control_changes
from tests.drills.evidence.control_changes import AGAIN, CHANGED, Pair, Slots
from tests.drills.evidence.siblings import SlotRendering, digest_of
from tests.drills.evidence.value import SiblingDigest
from tests.drills.evidence.volatile import slots_of

pytestmark = pytest.mark.quick

NAMES = ("promotions", "wallet")


def page(offers: str = "8 offers", balance: str = "€125.00", state: str = "fresh") -> Slots:
    words = {"promotions": offers, "wallet": balance}
    served = "".join(
        f'<fragment-slot slot="{name}" data-state="{state}"><p>{text}</p></fragment-slot>'
        for name, text in words.items()
    )
    return slots_of(served), {name: SlotRendering(name, state, text, [], []) for name, text in words.items()}


EIGHT, SEVEN, SIX = page(), page("7 offers"), page("6 offers")


async def beside(first: Pair, *anew: Pair, earlier: Slots = EIGHT) -> tuple[dict[str, SiblingDigest], int]:
    """By slot, and how often pages were taken anew; without any more of `anew` that can not be."""
    left, count = [*anew], 0

    async def take_anew() -> Pair | None:
        nonlocal count
        count += 1
        return left.pop(0) if left else None

    digests = await control_changes.beside("during", NAMES, first, earlier, take_anew)
    return {each.slot: each for each in digests}, count


async def test_pages_that_are_equal_are_not_taken_anew() -> None:
    found, count = await beside((SEVEN, SEVEN))
    assert [each.same for each in found.values()] == [True, True]
    assert count == 0


@pytest.mark.parametrize(
    "pairs",
    [
        [
            (EIGHT, SEVEN),
            (SEVEN, SEVEN),
        ],  # the control was loaded a moment later, and has changed since the drill began
        [(SEVEN, EIGHT), (SEVEN, SEVEN)],  # the tester's was, and only another look shows that the control changes too
        [(EIGHT, SEVEN), (SEVEN, SIX), (SIX, SIX)],
    ],
)
async def test_offer_that_ends_between_two_loads_is_no_harm_and_is_told(pairs: Sequence[Pair]) -> None:
    found, _ = await beside(*pairs)
    assert found["promotions"].same
    assert found["promotions"].note == AGAIN
    assert (found["wallet"].same, found["wallet"].note) == (True, "")


async def test_sibling_that_changes_while_the_control_does_not_still_deviates() -> None:
    """Also where it is well at a second look: the fault may come and go."""
    found, _ = await beside((SEVEN, EIGHT), (EIGHT, EIGHT))
    assert not found["promotions"].same
    assert found["promotions"].note == ""


async def test_sibling_that_is_another_than_a_control_that_changes_still_deviates() -> None:
    found, count = await beside((page("none"), SEVEN), (page("none"), SIX), (page("none"), EIGHT))
    assert not found["promotions"].same
    assert count == control_changes.LOOKS_MAX - 1


async def test_change_of_one_slot_of_the_control_excuses_no_other() -> None:
    odd = page("7 offers", "€0.00")
    found, _ = await beside((odd, SEVEN), (odd, SIX), (odd, SIX))
    assert not found["wallet"].same
    assert found["wallet"].note == ""


async def test_without_a_reload_the_first_comparison_stands() -> None:
    found, count = await beside((EIGHT, SEVEN))
    assert not found["promotions"].same
    assert count == 1


def everybodys(during: Slots, before: Slots, later: Slots) -> dict[str, SiblingDigest]:
    taken = [
        digest_of(name, "during", "before", *((page[0].get(name), page[1].get(name)) for page in (during, before)))
        for name in NAMES
    ]
    return {each.slot: each for each in control_changes.after(taken, during, later)}


def test_offer_that_ended_in_everybodys_outage_is_compared_with_the_page_after_it() -> None:
    found = everybodys(SEVEN, EIGHT, SEVEN)
    assert (found["promotions"].same, found["promotions"].against, found["promotions"].note) == (True, "after", CHANGED)
    assert (found["wallet"].against, found["wallet"].note) == ("before", "")


@pytest.mark.parametrize("later", [EIGHT, SIX, ({}, {}), page("7 offers", state="degraded")])
def test_sibling_that_is_as_neither_before_nor_after_deviates(later: Slots) -> None:
    found = everybodys(SEVEN, EIGHT, later)
    assert (found["promotions"].same, found["promotions"].against) == (False, "before")


def test_sibling_that_is_degraded_before_its_end_and_after_it_is_not_excused() -> None:
    hurt = page("7 offers", state="degraded")
    assert not everybodys(hurt, EIGHT, hurt)["promotions"].same
