"""Whether a release on trial does as well as what is live, from the same minutes. Decides, and does nothing.

Public: `Sample`, `AnalysisPolicy`, `Verdict`, `Finding`, `judge`, `bucket_of`, `BUCKETS`.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

# Latencies are counted in steps of a tenth, from a millisecond to more than any page waits.
_STEP = math.log(1.1)
BUCKETS = 80


def bucket_of(ms: int) -> int:
    """The bucket that a latency is counted in."""
    return min(BUCKETS - 1, round(math.log(max(ms, 1)) / _STEP))


@dataclass(frozen=True, slots=True)
class Sample:
    """Outcomes of one release. `latencies` counts by bucket those that took a call, however it ended.

    `script_visitors` are the visitors in whose browsers a script of it threw.
    """

    total: int = 0
    failed: int = 0
    degraded: int = 0
    latencies: tuple[int, ...] = (0,) * BUCKETS
    script_visitors: int = 0

    def rate(self, count: int) -> float:
        return count / self.total if self.total else 0.0

    def percentile(self, share: float) -> float:
        """Milliseconds within which `share` of the calls ended, to a tenth; 0 without calls."""
        wanted, passed = share * sum(self.latencies), 0
        for bucket, count in enumerate(self.latencies):
            passed += count
            if count and passed >= wanted:
                return math.exp(bucket * _STEP)
        return 0.0

    def slower_than(self, ms: float) -> int:
        """How many calls took longer, to a tenth."""
        return sum(count for bucket, count in enumerate(self.latencies) if math.exp(bucket * _STEP) > ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisPolicy:
    """Changed by `HOUSE_POLICIES` under `analysis`. Shares are hundredths: `failed_more_percent` is points above."""

    window_s: int = 300
    every_s: int = 2
    # With fewer samples than this there is no verdict.
    samples_min: int = 100
    p99_samples_min: int = 1000
    failed_more_percent: int = 2
    degraded_more_percent: int = 5
    # A release that takes half as long again is slower; what is below some milliseconds is noise.
    slower_percent: int = 35
    slower_ms_min: int = 5
    # So many standard deviations above what is live, or it may be chance: a trial is looked at again and again, and one
    # stall of a machine is slow for all the calls that were on their way.
    deviations_min: float = 4.0
    # Anybody can say that a script threw: a few visitors make a trial stand still, many end it.
    script_errors_more_percent: int = 1
    script_visitors_pause: int = 5
    script_visitors_rollback: int = 25


class Finding(StrEnum):
    """The result of evaluating a trial."""

    EARLY = "early"
    BAD = "bad"
    DOUBTFUL = "doubtful"
    WELL = "well"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`detail` has the figures that it was made from."""

    finding: Finding
    detail: str = ""


def judge(trial: Sample, live: Sample, policy: AnalysisPolicy, *, age_s: float) -> Verdict:
    """The verdict on `trial` beside `live`, `age_s` after it began. Too few samples are never a good sign."""
    enough = min(trial.total, live.total) >= policy.samples_min
    if enough and (bad := _worse(trial, live, policy)):
        return Verdict(Finding.BAD, bad)
    if scripts := _scripts(trial, live, policy):
        many = enough and trial.script_visitors >= policy.script_visitors_rollback
        return Verdict(Finding.BAD if many else Finding.DOUBTFUL, scripts)
    if age_s < policy.window_s:
        return Verdict(Finding.EARLY)
    figures = f"{trial.total} outcomes of the trial, {live.total} of what is live"
    if not enough:
        return Verdict(Finding.INCONCLUSIVE, f"{figures} within {policy.window_s} s; {policy.samples_min} are needed")
    return Verdict(
        Finding.WELL,
        f"{figures}: {trial.rate(trial.failed):.1%} failed beside {live.rate(live.failed):.1%}, "
        f"p50 {trial.percentile(0.5):.0f} ms beside {live.percentile(0.5):.0f} ms",
    )


def _scripts(trial: Sample, live: Sample, policy: AnalysisPolicy) -> str:
    """How many visitors more its scripts throw for, empty where they do not."""
    here, there = trial.rate(trial.script_visitors), live.rate(live.script_visitors)
    if trial.script_visitors < policy.script_visitors_pause or here <= there + policy.script_errors_more_percent / 100:
        return ""
    return (
        f"a script threw for {trial.script_visitors} visitors in {trial.total} outcomes, beside "
        f"{live.script_visitors} in {live.total}"
    )


def _worse(trial: Sample, live: Sample, policy: AnalysisPolicy) -> str:
    """In what the trial is worse, empty where in nothing."""
    shares = (
        ("failed", trial.failed, live.failed, policy.failed_more_percent),
        ("degraded", trial.degraded, live.degraded, policy.degraded_more_percent),
    )
    for word, here, there, more in shares:
        excess = _deviations(here, trial.total, there, live.total)
        if trial.rate(here) > live.rate(there) + more / 100 and excess >= policy.deviations_min:
            ours = f"{trial.rate(here):.1%} of {trial.total} outcomes {word}"
            return f"{ours}, beside {live.rate(there):.1%} of {live.total}"
    calls, live_calls = sum(trial.latencies), sum(live.latencies)
    for word, share, samples_min in (("p50", 0.5, policy.samples_min), ("p99", 0.99, policy.p99_samples_min)):
        if min(calls, live_calls) < samples_min:
            continue
        slow, usual = trial.percentile(share), live.percentile(share)
        limit = max(usual * (1 + policy.slower_percent / 100), usual + policy.slower_ms_min)
        excess = _deviations(trial.slower_than(limit), calls, live.slower_than(limit), live_calls)
        if slow > limit and excess >= policy.deviations_min:
            return f"{word} is {slow:.0f} ms, beside {usual:.0f} ms of what is live"
    return ""


def _deviations(here: int, total: int, there: int, live_total: int) -> float:
    """By how many standard deviations the trial's share is above that of what is live (a two-proportion z-test)."""
    pooled = (here + there) / (total + live_total)
    deviation = math.sqrt(pooled * (1 - pooled) * (1 / total + 1 / live_total))
    excess = here / total - there / live_total
    return excess / deviation if deviation else 0.0
