"""Writes the journal of a drill: verdict, sentence, and everything that was seen.

Public: `WriteUp`, `failed_step`.
"""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.drills import journal
from tests.drills.evidence.value import Evidence
from tests.drills.journal import (
    Expectation,
    Experiment,
    Findings,
    Hit,
    Hypothesis,
    Journal,
    MoneySum,
    Sample,
    SteadyStates,
)
from tests.drills.kit.drill import Drill
from tests.drills.runner import judge
from tests.drills.runner.breaking import activity_of
from tests.drills.runner.judge_siblings import siblings
from tests.drills.runner.page import SlotView
from tests.drills.runner.steady import activity_of as probe_activity
from tests.drills.runner.steady import now
from tests.drills.runner.target import Target
from tests.drills.runner.watch import Watch
from tests.drills.verdict import Verdict

STATUS: Mapping[Verdict, journal.Status] = {
    Verdict.HELD: "completed",
    Verdict.DEVIATED: "failed",
    Verdict.ABORTED: "aborted",
    Verdict.COULD_NOT_RUN: "failed",
}


@dataclass(frozen=True, slots=True)
class WriteUp:
    """`could_not` says why the drill could not run; empty if it could."""

    name: str
    drill: Drill
    target: Target
    watch: Watch
    could_not: str
    expectations: Sequence[Expectation]
    evidence: Evidence | None
    hits: Sequence[Hit] = ()

    def journal(
        self,
        *,
        start: str,
        duration_s: float,
        states: SteadyStates,
        steps: list[journal.Step],
        rollbacks: list[journal.Step],
        money: list[MoneySum],
    ) -> Journal:
        return Journal(
            platform=platform.platform(),
            node=platform.node(),
            experiment=self._experiment(),
            start=start,
            status=STATUS[self.verdict],
            deviated=self.verdict is Verdict.DEVIATED,
            steady_states=states,
            run=steps,
            rollbacks=rollbacks,
            end=now(),
            duration=round(duration_s, 3),
            mullion=self._findings(money),
        )

    @property
    def verdict(self) -> Verdict:
        if self.could_not:
            return Verdict.COULD_NOT_RUN
        if self.watch.aborted:
            return Verdict.ABORTED
        return Verdict.HELD if all(each.held for each in self.expectations) else Verdict.DEVIATED

    @property
    def sentence(self) -> str:
        if self.could_not:
            return self.could_not
        return f"Aborted: {self.watch.aborted}." if self.watch.aborted else judge.sentence(self.expectations, self.hits)

    def _findings(self, money: list[MoneySum]) -> Findings:
        drill, watch = self.drill, self.watch
        broken = next((step for step in drill.method if step.act is None), None)
        return Findings(
            drill=self.name,
            verdict=self.verdict,
            sentence=self.sentence,
            story="story" in drill.tags,
            hop=(broken and broken.hop) or "",
            fault=broken.fault if broken else "",
            attributes=broken.parameters if broken else {},
            scope=drill.scope,
            target=self.target.base_url,
            phases=judge.phases(drill, watch, self.evidence) if watch.views else journal.Phases(),
            slots=_samples(watch),
            expectations=[*self.expectations],
            siblings=siblings(drill, watch) if watch.views else [],
            money=money,
            hits=[*self.hits],
            evidence=self.evidence,
        )

    def _experiment(self) -> Experiment:
        drill = self.drill
        return Experiment(
            title=drill.title,
            description=drill.description or drill.title,
            tags=drill.tags,
            hypothesis=Hypothesis(
                title=drill.hypothesis.title,
                probes=[probe_activity(probe, self.target.base_url, drill.page) for probe in drill.probes],
            ),
            method=[activity_of(step, drill.scope_of(step), self.target) for step in drill.method],
        )


def failed_step(step: journal.Step) -> Expectation:
    """The expectation that a failed step or probe did not meet."""
    return judge.failed(step.activity.name, str(step.output or "; ".join(step.exception or [])))


def _samples(watch: Watch) -> dict[str, list[Sample]]:
    names = dict.fromkeys(slot for view in watch.views for slot in view.slots)
    made: dict[str, list[Sample]] = {name: [] for name in names}
    for view in watch.views:
        for name in names:
            made[name].append(_sample(watch, view.at, view.slots.get(name)))
    return made


def _sample(watch: Watch, at: float, seen: SlotView | None) -> Sample:
    if seen is None:
        return Sample(at_ms=watch.ms(at), state="")
    return Sample(
        at_ms=watch.ms(at), state=seen.state, reason=seen.reason, version=seen.version, include_ms=seen.include_ms
    )
