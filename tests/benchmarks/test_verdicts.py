"""A benchmark that misses a requirement says so at its end, and by its exit code."""

import pytest

from tests.benchmarks import verdicts

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("values", "code", "missed"),
    [
        ([(1.0, 99.0)], 0, 0),
        ([(2.0, 99.0), (1.0, 98.9)], 1, 2),
        ([(float("nan"), float("nan"))], 1, 2),
        ([], 0, 0),
    ],
)
def test_missed_figures_are_all_said_before_the_exit(
    values: list[tuple[float, float]],
    code: int,
    missed: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every figure is printed, the missed ones again at the end; a figure that is not a number meets nothing."""
    monkeypatch.setattr(verdicts, "_missed", [])
    for low, high in values:
        verdicts.at_most("low", low, "ms", 1)
        verdicts.at_least("high", high, "%", 99)
    with pytest.raises(SystemExit) as ended:
        verdicts.leave()
    out = capsys.readouterr().out
    assert (int(ended.value.code or 0), out.count("MISSED")) == (code, missed)
    assert (f"missed: {missed}" in out) == bool(missed)
