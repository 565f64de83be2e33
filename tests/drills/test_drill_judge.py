"""What a drill says of what was seen: each thing that can go wrong is named with its figure."""

import re
from collections.abc import Mapping, Sequence

import msgspec
import pytest

from tests.drills.journal import Expectation, Hit, MoneySum
from tests.drills.kit.drill import Drill
from tests.drills.kit.loader import parse
from tests.drills.runner import judge, page
from tests.drills.runner.page import View
from tests.drills.runner.watch import Watch

DRILL = parse(
    b"title: Promotions slow\n"
    b"method: [{hop: 'shell:promotions', fault: latency, for_s: 8}]\n"
    b"expect:\n"
    b"  slots:\n"
    b"    promotions: {state: [fallback], reason: [timeout], words: [out of reach], within_s: 2}\n"
    b"  siblings:\n"
    b"    wallet: {actions: [deposit]}\n",
    "d.yaml",
)
WALLET = '<form action="/slots/lobby/wallet/actions/deposit"></form><p>Balance 125</p>'
FRESH = {"promotions": ("fresh", "", "Offers"), "wallet": ("fresh", "", WALLET)}
FALLEN = {**FRESH, "promotions": ("fallback", "timeout", "Offers are out of reach")}


def view(
    at: float, slots: Mapping[str, tuple[str, str, str]] = FRESH, *, status: int = 200, took_ms: float = 50
) -> View:
    body = "".join(
        f'<fragment-slot slot="{name}" data-state="{state}" data-reason="{reason}" data-ms="{int(at * 1000)}">'
        f"{words}</fragment-slot>"
        for name, (state, reason, words) in slots.items()
    )
    return page.read(f"<html>{body}</html>", at=at, took_ms=took_ms, status=status)


def watch(*views: View, controls: Sequence[View] = (view(-1),)) -> Watch:
    return Watch(0, 8, [*views], [*controls])


GOOD = (view(0.1), view(0.9, FALLEN), view(7, FALLEN), view(8.5, FALLEN), view(11), view(12))


def found(seen: Watch, drill: Drill = DRILL) -> dict[tuple[str, str], Expectation]:
    return {(each.subject, each.kind): each for each in judge.expectations(drill, seen)}


def test_slot_that_falls_back_alone_and_heals_holds_everything() -> None:
    all_ = judge.expectations(DRILL, watch(*GOOD))
    assert all(each.held for each in all_), judge.sentence(all_)
    assert judge.sentence(all_) == "All 8 expectations held."
    one = found(watch(*GOOD))
    assert one["slot promotions", "state"].seen == "fallback (timeout) on a page that was requested after 0.9 s"
    assert one["slot promotions", "heals"].seen == "after 3.0 s"
    assert one["sibling wallet", "bytes"].seen == "equal on 3 pages"


def test_phases_are_measured_from_the_faults_start_and_end() -> None:
    phases = judge.phases(DRILL, watch(*GOOD))
    assert (phases.fault_ms, phases.detect_ms, phases.contain_ms, phases.recover_ms) == (8000, 950, 950, 3000)


@pytest.mark.parametrize(
    ("views", "what", "sentence"),
    [
        ([view(1), view(7), view(9)], ("slot promotions", "state"), "fresh on all 2 pages"),
        ([view(3, FALLEN), view(9)], ("slot promotions", "state"), "a page that was requested after 3.0 s"),
        ([view(1, {**FALLEN, "promotions": ("placeholder", "timeout", "")}), view(9)],
         ("slot promotions", "state"), "placeholder (timeout)"),
        ([view(1, {"wallet": FRESH["wallet"]}), view(9)], ("slot promotions", "state"), "not on the page"),
        ([view(1, {**FALLEN, "promotions": ("fallback", "connect", "out of reach")}), view(9)],
         ("slot promotions", "reason"), "connect"),
        ([view(1, {**FALLEN, "promotions": ("fallback", "timeout", "Oh no")}), view(9)],
         ("slot promotions", "words"), "Oh no"),
        ([view(1, FALLEN), view(9, FALLEN), view(38.2)], ("slot promotions", "heals"), "after 30.2 s"),
        ([view(1, FALLEN), view(9), view(38, FALLEN)], ("slot promotions", "heals"), "still fallback (timeout) after"),
        ([view(1, FALLEN)], ("slot promotions", "heals"), "nobody looked"),
        ([view(1, {**FALLEN, "wallet": ("stale", "timeout", WALLET)}), view(9)],
         ("sibling wallet", "state"), "stale (timeout)"),
        ([view(1, {**FALLEN, "wallet": ("fresh", "", WALLET.replace("125", "126"))}), view(9)],
         ("sibling wallet", "bytes"), "“Balance 125” became “Balance 126”"),
        ([view(1, {**FALLEN, "wallet": ("fresh", "", "<p>Balance 125</p>")}), view(9)],
         ("sibling wallet", "action"), "it is gone"),
        ([view(1, FALLEN, took_ms=2500), view(9)], ("page", "status"), "1 of 1 pages not: the first took 2500 ms"),
        ([view(-0.1, took_ms=9000), view(9)], ("page", "status"), "1 of 1 pages not: the first took 9000 ms"),
        ([view(9)], ("page", "status"), "no page while it lasted"),
        ([view(1, FALLEN, status=500), view(9)], ("page", "status"), "answered 500"),
        ([View(1, 10_000, 0, problem="ReadTimeout"), view(9)], ("page", "status"), "did not come (ReadTimeout, after"),
    ],
)  # fmt: skip
def test_drill_that_fails_says_exactly_what_it_saw(views: list[View], what: tuple[str, str], sentence: str) -> None:
    one = found(watch(*views))[what]
    assert not one.held
    assert sentence in one.seen
    assert judge.sentence([one]) == f"{what[0]}: expected {one.expected}; seen: {one.seen}"


def test_page_that_is_cut_before_its_end_is_seen() -> None:
    cut = page.read("<html><fragment-slot", at=1, took_ms=1, status=200)
    assert "was cut before its end" in found(watch(cut, view(9)))["page", "status"].seen


def test_slot_that_may_stay_fresh_need_not_notice_but_must_not_do_anything_else() -> None:
    harmless = parse(
        b"title: a\nmethod: [{hop: 'shell:a', fault: latency}]\nexpect: {slots: {promotions: {state: [fresh, stale]}}}",
        "d.yaml",
    )
    seen = found(watch(view(1), view(9)), harmless)
    assert all(each.held for each in seen.values())
    assert not found(watch(view(1, FALLEN), view(9)), harmless)["slot promotions", "state"].held


def test_way_to_the_page_itself_has_to_show_its_fault_and_heal() -> None:
    broken = parse(
        b"title: a\nmethod: [{hop: 'browser:shell', fault: latency}]\nexpect: {page: {broken: true, within_ms: 500}}",
        "d.yaml",
    )
    seen = found(watch(view(1, took_ms=3000), view(9)), broken)
    assert all(each.held for each in seen.values())
    assert seen["page", "status"].seen == "took 3000 ms"
    unhurt = found(watch(view(1), view(9, took_ms=3000)), broken)
    assert not unhurt["page", "status"].held
    assert unhurt["page", "heals"].seen == "not while it was watched"


def test_error_page_that_says_200_is_another_page() -> None:
    other = page.read("<html><h1>Sorry</h1></html>", at=1, took_ms=1, status=200)
    assert "was another, without a slot" in found(watch(other, view(9)))["page", "status"].seen


def test_page_that_was_under_way_when_its_way_broke_counts() -> None:
    """Where each takes longer than the fault lasts, there is no other."""
    broken = parse(
        b"title: a\nmethod: [{hop: 'browser:shell', fault: latency}]\nexpect: {page: {broken: true, within_ms: 500}}",
        "d.yaml",
    )
    seen = found(watch(view(-0.1, took_ms=9000), view(9)), broken)
    assert all(each.held for each in seen.values())


def test_money_that_is_counted_twice_is_named() -> None:
    sums = [
        MoneySum(
            player="pl_amber", currency="EUR", before_minor=100, after_minor=4100, expected_change_minor=2000, doubles=1
        )
    ]
    money = [*judge.money(sums)]
    assert [each.held for each in money] == [False, False]
    assert judge.sentence(money) == (
        "money: expected pl_amber has +2000 EUR (minor units) at the end; seen: +4000 (1 more did not hold)"
    )
    assert re.search("1 lines of the history too many", money[1].seen)
    assert not sums[0].held


# --- beside the control

LATE = {**FRESH, "wallet": ("degraded", "timeout", "<p>Late</p>")}


def late(at: float) -> View:
    """A page on which promotions have fallen, and the wallet is late."""
    return view(at, {**FALLEN, "wallet": LATE["wallet"]})


def test_sibling_that_is_amiss_without_the_fault_too_is_not_the_faults() -> None:
    """A machine that was busy for a moment was so for everybody."""
    seen = watch(
        view(0.9, FALLEN), late(3), view(7, FALLEN), view(9), view(10), controls=[view(1), view(4, LATE), view(7)]
    )
    wallet = found(seen)["sibling wallet", "state"]
    assert (wallet.held, wallet.seen) == (True, "degraded (timeout) on 1 of 3 pages, also without the fault")
    assert all(each.held for each in judge.expectations(DRILL, seen))


@pytest.mark.parametrize(
    "controls",
    [
        [view(1), view(4), view(7)],
        [view(-6, LATE), view(1), view(4)],
        [view(1), view(4, {**FRESH, "wallet": ("stale", "connect", "")})],
    ],
    ids=["never there", "in another moment", "in another way"],
)
def test_sibling_that_is_amiss_beside_a_control_that_is_not_is_the_faults(controls: list[View]) -> None:
    seen = watch(late(3), view(9), controls=controls)
    assert found(seen)["sibling wallet", "state"].seen == "degraded (timeout)"
    assert not found(seen)["sibling wallet", "state"].held


def test_sibling_that_is_late_while_a_control_is_late_with_another_slot_is_not_the_faults() -> None:
    busy = view(4, {**FRESH, "promotions": ("fallback", "timeout", "Offers are out of reach")})
    assert found(watch(late(3), view(9), controls=[view(1), busy]))["sibling wallet", "state"].held
    for reason in ("store_down", "breaker_open"):
        opened = view(3, {**FALLEN, "wallet": ("degraded", reason, "<p>Late</p>")})
        assert found(watch(opened, view(9), controls=[view(1), busy]))["sibling wallet", "state"].held
        assert not found(watch(opened, view(9), controls=[view(1), view(4)]))["sibling wallet", "state"].held
    away = view(4, {**FRESH, "promotions": ("fallback", "connect", "Offers are out of reach")})
    assert not found(watch(late(3), view(9), controls=[view(1), away]))["sibling wallet", "state"].held


def test_second_look_is_for_siblings_that_were_late_and_for_nothing_else() -> None:
    """What else is amiss, or is amiss in another way, is the drill's verdict at once."""
    controls = [view(1), view(4)]
    fell, healed = view(0.9, FALLEN), [view(9), view(10)]
    assert judge.only_late(judge.expectations(DRILL, watch(fell, late(3), *healed, controls=controls)))
    gone = view(3, {**FALLEN, "wallet": ("fallback", "connect", "<p>Away</p>")})
    assert not judge.only_late(judge.expectations(DRILL, watch(fell, gone, *healed, controls=controls)))
    assert not judge.only_late(judge.expectations(DRILL, watch(fell, late(3), view(9, FALLEN), controls=controls)))
    assert not judge.only_late(judge.expectations(DRILL, watch(fell, *healed, controls=controls)))


def test_sibling_of_everybodys_outage_is_compared_with_what_was_before() -> None:
    assert not found(watch(late(3), view(9), controls=[view(-2), view(-1)]))["sibling wallet", "state"].held
    assert found(watch(late(3), view(9), controls=[view(-2, LATE), view(-1)]))["sibling wallet", "state"].held


ENDED = {**FALLEN, "wallet": ("fresh", "", WALLET.replace("125", "124"))}
ENDED_WELL = {**FRESH, "wallet": ENDED["wallet"]}


def test_sibling_that_changed_by_itself_in_everybodys_outage_is_as_on_the_page_after_it() -> None:
    one = found(watch(view(0.9, FALLEN), view(7, ENDED), view(11, ENDED_WELL), view(12, ENDED_WELL)))
    assert one["sibling wallet", "bytes"].held
    assert one["sibling wallet", "bytes"].seen == (
        "equal on 2 pages, on 1 of them as after the fault: it changed while there was no control"
    )


@pytest.mark.parametrize("last", [FRESH, ENDED])
def test_sibling_that_is_as_neither_before_everybodys_outage_nor_after_it_deviates(
    last: Mapping[str, tuple[str, str, str]],
) -> None:
    """A page on which anything is still amiss tells nothing of what is there without the fault."""
    one = found(watch(view(0.9, FALLEN), view(7, ENDED), view(11, last), view(12, last)))
    assert not one["sibling wallet", "bytes"].held


def test_sibling_of_one_sessions_outage_is_never_excused_by_what_comes_after() -> None:
    """There is a control beside it all the while."""
    beside = [view(at) for at in (-1, 1, 7, 11)]
    one = found(watch(view(0.9, FALLEN), view(7, ENDED), view(11, ENDED_WELL), controls=beside))
    assert not one["sibling wallet", "bytes"].held


def test_one_sessions_fault_that_everybody_sees_is_named() -> None:
    controls = [view(1, FALLEN), view(3, FALLEN), view(5)]
    others = found(watch(*GOOD, controls=controls))["others", "state"]
    assert (others.held, others.seen) == (False, "fallback (timeout) on 2 of 3 pages")
    assert found(watch(*GOOD, controls=[view(1, FALLEN), view(3), view(5)]))["others", "state"].held


UNTOUCHED = Hit(hop="shell:promotions", fault="latency", count=0, of="requests")


def proves_nothing(*hits: Hit, fault: str = "latency", scope: str = "session", seen: Sequence[Expectation] = ()) -> str:
    method = [msgspec.structs.replace(DRILL.method[0], fault=fault)]
    drill = msgspec.structs.replace(DRILL, method=method, scope=scope)
    return judge.proves_nothing(drill, hits, seen)


def test_fault_that_hit_nothing_proves_nothing() -> None:
    sentence = (
        "It proves nothing: while shell:promotions was broken, no request of a marked session met the fault there."
    )
    assert proves_nothing(UNTOUCHED) == sentence
    assert "no request met" in proves_nothing(UNTOUCHED, scope="everyone")


def test_fault_that_hit_anything_proves_what_was_seen() -> None:
    assert proves_nothing(UNTOUCHED, msgspec.structs.replace(UNTOUCHED, count=1)) == ""


def test_fault_that_can_not_be_counted_is_not_said_to_have_hit_nothing() -> None:
    assert proves_nothing(fault="down") == ""
    assert proves_nothing(UNTOUCHED, fault="down") == ""
    assert proves_nothing() == ""


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("latency", "nothing went over relay:sandbox-payments meanwhile"),
        ("silence", "no WebSocket message went over relay:sandbox-payments meanwhile"),
        (
            "slow_close",
            "no connection of relay:sandbox-payments ended meanwhile, as it is kept open from one request to the next, "
            "so that there was no end to come late",
        ),
        (
            "duplicate_event",
            "no event of the broker went over relay:sandbox-payments meanwhile, so that none could come twice",
        ),
    ],
)
def test_drill_of_an_idle_hop_holds_and_says_why_it_hit_nothing(fault: str, why: str) -> None:
    """That pages do without the hop is what it proves."""
    drill = msgspec.structs.replace(DRILL, tags=[judge.IDLE])
    assert judge.proves_nothing(drill, [UNTOUCHED], []) == ""
    held = judge.expectations(DRILL, watch(*GOOD))
    hit = msgspec.structs.replace(UNTOUCHED, hop="relay:sandbox-payments", fault=fault)
    assert judge.sentence(held, [hit]) == (
        f"All 8 expectations held. The fault hit nothing: {why}. This proves only that pages do without the hop."
    )
    assert judge.sentence(held, [msgspec.structs.replace(UNTOUCHED, count=2)]) == "All 8 expectations held."


def test_money_that_is_amiss_is_told_though_no_fault_hit_anything() -> None:
    [amiss, _] = judge.money([MoneySum(player="a", currency="EUR", before_minor=1, after_minor=2)])
    assert proves_nothing(UNTOUCHED, seen=[amiss]) == ""
    assert proves_nothing(UNTOUCHED, seen=[judge.failed("heal shell:promotions", "no answer")]) == ""
