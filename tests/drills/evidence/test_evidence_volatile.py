"""Two loads of one page: what differs by right is taken out, and nothing else is."""

import pytest

from tests.drills.evidence.volatile import VOLATILE, normalised, slots_of

pytestmark = pytest.mark.quick

SLOT = (
    '<fragment-slot slot="wallet" id="slot-wallet" data-state="fresh" data-reason="" data-as-of="{at}" data-ms="{ms}" '
    'hx-get="/slots/lobby/wallet"><template shadowrootmode="open"><div data-live-seq="e:{n}"><b>{balance}</b>'
    '<input type="hidden" name="idempotency_key" value="{key}"><input type="hidden" name="stake" value="5">'
    '<p>Ends in <time datetime="2026-03-01" data-countdown="" data-server-now="{at}">{left}</time></p>'
    '<li class="chip" data-color="{color}" data-live="t.1#c" data-live-to="data-color">'
    '<span data-live="t.1#n">{figure}</span></li></div></template></fragment-slot>'
)
ONE = {
    "at": "2026-03-01T12:00:00Z", "ms": "9", "n": "1", "key": "aa", "left": "1 min", "color": "red", "figure": "17",
    "balance": "€125",
}  # fmt: skip
OTHER = {
    "at": "2026-03-01T12:00:07Z", "ms": "400", "n": "8", "key": "bb", "left": "53 s", "color": "blue", "figure": "0",
    "balance": "€125",
}  # fmt: skip


def markup(**values: str) -> str:
    return SLOT.format(**values)


def test_two_loads_of_the_same_page_are_equal() -> None:
    """Clocks, keys, countdowns and live figures are no difference, and each is counted."""
    ours, masked = normalised(markup(**ONE))
    theirs, other_masked = normalised(markup(**OTHER))
    assert ours == theirs
    assert masked == other_masked == 8


@pytest.mark.parametrize(
    ("was", "became"),
    [
        ("€125", "€12"),
        ("hidden", "HIDDEN"),
        ('name="stake" value="5"', 'name="stake" value="50"'),
        ("Ends in", "Ended"),
        ('data-state="fresh"', 'data-state="stale"'),
        ('datetime="2026-03-01"', 'datetime="2026-03-02"'),
        ("/slots/lobby/wallet", "/slots/lobby/other"),
    ],
)
def test_any_other_difference_stays(was: str, became: str) -> None:
    assert normalised(markup(**ONE))[0] != normalised(markup(**OTHER).replace(was, became, 1))[0]


def test_each_kind_of_exception_has_a_reason() -> None:
    assert all(len(each.reason) > 10 for each in VOLATILE)
    assert len({(each.kind, each.name) for each in VOLATILE}) == len(VOLATILE)


def test_slots_are_found_with_their_attributes_and_words() -> None:
    found = slots_of(f"<main>{markup(**ONE)}<fragment-slot slot='cut'><p>never ends</main>")
    assert [*found] == ["wallet"]
    assert found["wallet"].attributes["data-state"] == "fresh"
    assert found["wallet"].text == "€125 Ends in ~ ~"


def test_words_are_those_that_a_person_reads() -> None:
    slot = slots_of(
        '<fragment-slot slot="a"><style>b{}</style><!-- no --><p title="1 > 0">Fish &amp; chips</p></fragment-slot>'
    )
    assert slot["a"].text == "Fish & chips"
