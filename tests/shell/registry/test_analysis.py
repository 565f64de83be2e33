"""The analysis of a release on trial: a worse one is rolled back, and one with too few samples is not promoted."""

from dataclasses import replace

import pytest

from shell.registry.analysis import BUCKETS, AnalysisPolicy, Finding, Sample, bucket_of, judge

pytestmark = pytest.mark.quick
POLICY = AnalysisPolicy()


def sample(total: int, *, failed: int = 0, degraded: int = 0, ms: int = 20, slow: int = 0, slow_ms: int = 0) -> Sample:
    """`total` outcomes that took `ms` each, `slow` of them `slow_ms`."""
    latencies = [0] * BUCKETS
    latencies[bucket_of(ms)] += total - slow
    latencies[bucket_of(slow_ms)] += slow
    return Sample(total, failed, degraded, tuple(latencies))


def threw(sample: Sample, visitors: int) -> Sample:
    return replace(sample, script_visitors=visitors)


@pytest.mark.parametrize(
    ("trial", "live", "finding", "words"),
    [
        pytest.param(sample(100, failed=100), sample(900), Finding.BAD, "100.0% of 100 outcomes failed", id="hangs"),
        pytest.param(sample(1000, failed=30), sample(9000), Finding.BAD, "3.0% of 1000", id="fails-a-little"),
        pytest.param(sample(100, degraded=10), sample(900), Finding.BAD, "degraded", id="degraded"),
        pytest.param(sample(100, ms=30), sample(900, ms=20), Finding.BAD, "p50 is", id="slower-by-half"),
        pytest.param(sample(1000, slow=20, slow_ms=500), sample(9000), Finding.BAD, "p99 is", id="slow-tail"),
        pytest.param(sample(900, slow=20, slow_ms=500), sample(9000), Finding.WELL, "", id="no-p99-below-a-thousand"),
        pytest.param(
            sample(1000, slow=15, slow_ms=500),
            sample(1500, slow=10, slow_ms=500),
            Finding.WELL,
            "",
            id="one-stall-of-both",
        ),
        pytest.param(sample(100, failed=3), sample(100), Finding.WELL, "3.0%", id="three-failures-may-be-chance"),
        pytest.param(sample(99, failed=99), sample(9000), Finding.INCONCLUSIVE, "100 are needed", id="too-few"),
        pytest.param(sample(900), sample(99), Finding.INCONCLUSIVE, "100 are needed", id="nothing-to-compare-with"),
        pytest.param(Sample(), Sample(), Finding.INCONCLUSIVE, "0 outcomes", id="nobody-came"),
        pytest.param(sample(500, failed=250), sample(500, failed=250), Finding.WELL, "50.0%", id="an-outage-of-both"),
        pytest.param(sample(1000, failed=1), sample(9000, failed=9), Finding.WELL, "0.1%", id="well"),
        pytest.param(threw(sample(900), 5), sample(900), Finding.WELL, "", id="scripts-throw-for-one-in-a-hundred"),
        pytest.param(threw(sample(400), 4), sample(900), Finding.WELL, "", id="scripts-throw-for-four"),
        pytest.param(threw(sample(400), 5), sample(900), Finding.DOUBTFUL, "for 5 visitors", id="scripts-throw"),
        pytest.param(threw(sample(400), 25), sample(900), Finding.BAD, "25 visitors", id="scripts-throw-for-many"),
        pytest.param(threw(sample(60), 50), sample(900), Finding.DOUBTFUL, "50 visitors", id="too-few-outcomes"),
        pytest.param(threw(sample(400), 30), threw(sample(400), 30), Finding.WELL, "", id="scripts-of-both-throw"),
        pytest.param(sample(1000, ms=4), sample(9000, ms=2), Finding.WELL, "", id="two-milliseconds-are-noise"),
    ],
)
def test_trial_is_judged_by_what_is_live_in_the_same_minutes(
    trial: Sample, live: Sample, finding: Finding, words: str
) -> None:
    """The verdict comes at the end of the window and has the figures that it was made from."""
    verdict = judge(trial, live, POLICY, age_s=POLICY.window_s)
    assert verdict.finding is finding
    assert words in verdict.detail


def test_harm_is_seen_at_once_and_health_at_the_end_of_the_window() -> None:
    """A failing release is rolled back within seconds; a healthy one is promoted only after its window."""
    assert judge(sample(200, failed=100), sample(900), POLICY, age_s=3).finding is Finding.BAD
    assert judge(sample(9000), sample(9000), POLICY, age_s=POLICY.window_s - 1).finding is Finding.EARLY


@pytest.mark.parametrize("ms", [1, 2, 7, 20, 150, 800, 1000])
def test_percentile_is_true_to_a_tenth(ms: int) -> None:
    """A latency that is half as long again is five histogram steps higher."""
    assert sample(1000, ms=ms).percentile(0.5) == pytest.approx(ms, rel=0.1, abs=0.5)
    assert bucket_of(max(round(ms * 1.5), 2)) > bucket_of(ms)
    assert bucket_of(10**9) == BUCKETS - 1
