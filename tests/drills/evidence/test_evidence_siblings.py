"""One slot beside its control: what differs is named, counted and shown."""

import msgspec
import pytest

from tests.drills.evidence.siblings import Action, SlotRendering, digest_of
from tests.drills.evidence.value import SiblingDigest
from tests.drills.evidence.volatile import SlotMarkup, slots_of

pytestmark = pytest.mark.quick

SERVED = '<fragment-slot slot="wallet" data-state="fresh"><p>Balance</p><b>€125.00</b></fragment-slot>'
SHOWN = SlotRendering(
    "wallet", "fresh", "Balance €125.00", [("p", {"color": "red", "width": "80px"})], [Action("a: Deposit")]
)


def compared(
    served: str = SERVED,
    shown: SlotRendering | None = SHOWN,
    control_served: str = SERVED,
    control_shown: SlotRendering | None = SHOWN,
) -> SiblingDigest:
    def of(page: str) -> SlotMarkup | None:
        return slots_of(page).get("wallet")

    return digest_of("wallet", "during", "beside", (of(served), shown), (of(control_served), control_shown))


def test_equal_siblings_have_one_digest() -> None:
    found = compared()
    assert found.same
    assert (found.bytes_differ, found.styles_differ, found.differences) == (0, 0, ())
    assert found.digest == found.control_digest
    assert found.bytes == found.control_bytes == len(SERVED.encode())


def test_one_word_is_told_with_both_values_and_its_size() -> None:
    """A sceptic reads what it was and what it became."""
    found = compared(served=SERVED.replace("€125.00", "€12.50"))
    assert not found.same
    assert found.bytes_differ == len("€125.00".encode())
    assert found.digest != found.control_digest
    (difference,) = found.differences
    assert (difference.aspect, difference.tester, difference.control) == ("bytes", "€12.50", "€125.00")


@pytest.mark.parametrize(
    ("changes", "aspect"),
    [
        ({"text": "Balance €0.00"}, "text"),
        ({"styles": [("p", {"color": "blue", "width": "80px"})]}, "style"),
        ({"styles": []}, "style"),
        ({"state": "stale"}, None),
        ({"actions": [Action("a: Deposit", "something covers it")]}, None),
    ],
)
def test_what_only_a_browser_sees_differs_too(changes: dict[str, object], aspect: str | None) -> None:
    found = compared(shown=msgspec.structs.replace(SHOWN, **changes))
    assert not found.same
    assert found.bytes_differ == 0
    assert {each.aspect for each in found.differences} == ({aspect} if aspect else set())


def test_what_can_not_be_done_beside_either_is_no_harm() -> None:
    hindered = msgspec.structs.replace(SHOWN, actions=[Action("a: Deposit", "it is disabled")])
    assert compared(shown=hindered, control_shown=hindered).same


def test_slot_that_is_gone_differs_by_all_its_bytes() -> None:
    found = compared(served="", shown=None)
    assert (found.state, found.bytes, found.bytes_differ) == ("absent", 0, len(SERVED.encode()))
    assert not found.same


def test_without_a_browser_styles_are_not_measured() -> None:
    found = compared(shown=None, control_shown=None)
    assert found.same
    assert (found.styled_elements, found.styles_differ) == (None, None)


def test_differences_are_cut_to_a_length_and_a_number() -> None:
    found = compared(
        served="<fragment-slot slot='x' slot=\"wallet\">" + "<p>x</p>" * 500 + "y" * 9999 + "</fragment-slot>"
    )
    assert len(found.differences) <= 20
    assert all(len(each.tester) <= 160 and len(each.control) <= 160 for each in found.differences)
