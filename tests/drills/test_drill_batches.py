"""A batch of the matrix as it is run: as one ends the next begins, and what did not hold beside others is run alone."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.drills.control import Control
from tests.drills.journal import Expectation, Journal
from tests.drills.report.samples import a_journal
from tests.drills.run_record import RunRecord, journals
from tests.drills.runner.batches import SESSIONS_MAX, Room, batches
from tests.drills.runner.catalogue import drill_of
from tests.drills.runner.library import Named
from tests.drills.runner.progress import Progress
from tests.drills.runner.session import Run
from tests.drills.runner.target import Target
from tests.drills.verdict import Verdict

SESSIONS = [f"shell:{fragment}/{fault}" for fragment in ("wallet", "promotions") for fault in (
    "latency", "bandwidth", "slow_close", "timeout", "reset_peer", "slicer", "limit_data", "status")]  # fmt: skip


class Rehearsal(Run):
    """A run whose drills take a moment and come to what `verdict_of` says of a name and of whether it ran alone."""

    def __init__(
        self,
        folder: Path,
        verdict_of: Callable[[str, bool], Verdict],
        lines: list[str],
        before: RunRecord | None = None,
    ) -> None:
        target = Target("http://127.0.0.1:9", "http://127.0.0.1:9")
        super().__init__(target, folder, "drill all", lines.append, before=before)
        self._verdict_of = verdict_of
        self.ran: list[tuple[str, bool]] = []
        self.beside = self.most = 0

    async def _signed_in(self, _player: object) -> dict[str, str]:
        return {}

    async def _watched(self, each: Named, _control: object, *, alone: bool = True, **_: Any) -> Journal:
        self.ran.append((each.name, alone))
        self.beside += 1
        self.most = max(self.most, self.beside)
        await asyncio.sleep(0.01)
        self.beside -= 1
        return a_journal(each.name, self._verdict_of(each.name, alone), evidence=None)

    async def rehearse(self) -> None:
        [batch] = batches(SESSIONS)
        self._plan([], [batch])
        with Control("http://127.0.0.1:9") as control:
            await self._batch(control, batch)


def held(_name: str, _alone: bool) -> Verdict:
    return Verdict.HELD


async def test_as_many_run_at_once_as_there_is_room_for_and_each_once(tmp_path: Path) -> None:
    lines: list[str] = []
    run = Rehearsal(tmp_path, held, lines)
    await run.rehearse()
    assert sorted(run.ran) == sorted((name, False) for name in SESSIONS)
    assert run.most == SESSIONS_MAX
    assert lines[-1].startswith(f"[{len(SESSIONS)}/{len(SESSIONS)}] ")


async def test_run_that_goes_on_keeps_what_was_there_and_counts_what_it_runs_itself(tmp_path: Path) -> None:
    lines: list[str] = []
    first = Rehearsal(tmp_path, held, [])
    await first.rehearse()
    ran = first._record.drills[:3]
    second = Rehearsal(tmp_path, held, lines, before=msgspec.structs.replace(first._record, drills=[*ran]))
    await second.rehearse()
    assert second._record.drills[:3] == ran
    assert second._record.command == "drill all; stopped, and continued by drill all"
    assert len(second._record.drills) == 3 + len(SESSIONS)
    assert lines[-1].startswith(f"[{len(SESSIONS)}/{len(SESSIONS)}] ")


@pytest.mark.parametrize("alone", [Verdict.HELD, Verdict.DEVIATED])
async def test_what_did_not_hold_beside_others_has_the_verdict_that_it_has_alone(
    tmp_path: Path, alone: Verdict
) -> None:
    lines: list[str] = []
    doubtful = SESSIONS[3]
    run = Rehearsal(
        tmp_path,
        lambda name, by_itself: Verdict.HELD if name != doubtful else (alone if by_itself else Verdict.DEVIATED),
        lines,
    )
    await run.rehearse()
    assert run.ran[-1] == (doubtful, True)
    assert len(run.ran) == len(SESSIONS) + 1
    assert {drill.name: drill.verdict for drill in run._record.drills}[doubtful] == alone
    assert len(run._record.drills) == len(SESSIONS)
    assert [line for line in lines if line.startswith(f"{doubtful}: did not hold beside others, run again: ")]
    looks = {each.mullion.drill: len(each.mullion.earlier) for each in journals(tmp_path, run._record)}
    assert looks == {name: int(name == doubtful) for name in SESSIONS}


async def test_late_moment_that_meets_many_costs_one_more_round_and_no_drill_its_verdict(tmp_path: Path) -> None:
    """Those that did not hold run once more beside each other; who does not then either runs alone."""
    run = Rehearsal(tmp_path, held, [])
    late, guilty = SESSIONS[:6], SESSIONS[0]

    def verdict(name: str, alone: bool) -> Verdict:
        first = [each for each, _ in run.ran].count(name) == 1
        return Verdict.DEVIATED if name == guilty or (name in late and first and not alone) else Verdict.HELD

    run._verdict_of = verdict
    await run.rehearse()
    assert sorted(run.ran[len(SESSIONS) : -1]) == sorted((name, False) for name in late)
    assert run.ran[-1] == (guilty, True)
    verdicts = {drill.name: drill.verdict for drill in run._record.drills}
    assert verdicts == {name: Verdict.DEVIATED if name == guilty else Verdict.HELD for name in SESSIONS}


@pytest.mark.parametrize(("seen", "looks"), [("degraded (store_down)", 2), ("fallback (connect)", 1)])
async def test_drill_by_itself_looks_again_where_a_sibling_was_late_alone(
    tmp_path: Path, seen: str, looks: int
) -> None:
    lines: list[str] = []
    run = Rehearsal(tmp_path, held, lines)
    amiss = Expectation(subject="sibling wallet", kind="state", expected="fresh", seen=seen, held=False)

    async def watched(each: Named, _control: object, **_: Any) -> Journal:
        run.ran.append((each.name, True))
        found = a_journal(each.name, Verdict.DEVIATED if len(run.ran) == 1 else Verdict.HELD, evidence=None)
        found.mullion.expectations = [amiss] if len(run.ran) == 1 else []
        return found

    run._watched = watched  # type: ignore[method-assign]
    with Control("http://127.0.0.1:9") as control:
        found = await run._surely(Named("mine", drill_of("shell:wallet/status")), control)
    assert (len(run.ran), found.mullion.verdict) == (looks, Verdict.HELD if looks == 2 else Verdict.DEVIATED)
    assert len([line for line in lines if line.startswith("mine: a sibling was late")]) == looks - 1


async def test_machine_that_is_too_slow_for_all_at_once_gets_fewer(tmp_path: Path) -> None:
    """Where more than two beside each other are late, few are beside each other soon, and nearly all hold there."""
    lines: list[str] = []
    run = Rehearsal(tmp_path, held, lines)
    run._verdict_of = lambda _name, alone: Verdict.HELD if alone or run.beside <= 2 else Verdict.DEVIATED
    await run.rehearse()
    assert {drill.verdict for drill in run._record.drills} == {Verdict.HELD}
    assert len([name for name, alone in run.ran if alone]) < len(SESSIONS) / 2


def test_room_is_halved_by_each_that_was_late_and_grows_back_by_those_that_were_not() -> None:
    room = Room()
    assert room.of(7) == 7
    for second in range(7):
        room.learn(held=False, began_s=second, now_s=second + 0.5)
    assert room.of(7) == 1
    for second in range(7, 21):
        room.learn(held=True, began_s=second, now_s=second + 0.5)
    assert room.of(7) == 7


def test_late_moment_that_meets_many_halves_the_room_once() -> None:
    """Those that had begun before tell of the same moment; one that began with fewer beside it tells of another."""
    room = Room()
    for ended_s in (4.0, 4.1, 5.0):
        room.learn(held=False, began_s=1.0, now_s=ended_s)
    assert room.of(8) == 4
    room.learn(held=False, began_s=4.5, now_s=8.0)
    assert room.of(8) == 2


async def test_halt_button_starts_no_further_drill(tmp_path: Path) -> None:
    run = Rehearsal(tmp_path, held, [])
    run._verdict_of = lambda _name, _alone: run.halt.set("the halt button") or Verdict.ABORTED  # type: ignore[func-returns-value]
    await run.rehearse()
    assert len(run.ran) == SESSIONS_MAX


async def test_problem_of_one_leaves_no_other_behind(tmp_path: Path) -> None:
    """What stops the whole run, such as a browser that is not there, waits for what was begun to be healed."""
    run = Rehearsal(tmp_path, held, [])

    def fails(name: str, _alone: bool) -> Verdict:
        if name == SESSIONS[0]:
            raise RuntimeError("no browser")
        return Verdict.HELD

    run._verdict_of = fails
    with pytest.raises(RuntimeError, match="no browser"):
        await run.rehearse()
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


def test_what_is_left_goes_by_what_each_drill_should_take_and_by_what_the_others_did() -> None:
    """Two quick ones of three are not two thirds of the run."""
    progress = Progress({"quick": 10, "quicker": 10, "story": 180})
    assert progress.plan == "3 drills, about 3 min on an idle machine"
    assert progress.done(["quick", "quicker"], took_s=20) == "[2/3, 3 min left]"
    assert progress.done(["quick", "quicker"], took_s=40) == "[2/3, 6 min left]"
    assert progress.done(["quick", "story"], took_s=200) == "[2/3]"
