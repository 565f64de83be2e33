"""Metrics of a fragment; calls to the BFF are counted by their guards.

Public: `ANSWERS`, `SECONDS`.
"""

from prometheus_client import Counter, Histogram

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

# An empty reason is a fresh answer.
ANSWERS = Counter(
    "mullion_fragment_answers_total",
    "Answers, by view, status, reason and who failed behind them",
    ["view", "status", "reason", "upstream"],
)
SECONDS = Histogram(
    "mullion_fragment_answer_seconds", "Time to the complete answer, by view", ["view"], buckets=_BUCKETS
)
