"""What a fragment counts.

Public: `ANSWERS`, `SECONDS`, `CALLS`.
"""

from prometheus_client import Counter, Histogram

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

ANSWERS = Counter(
    "fragment_answers_total", "Answers by view, status and reason ('' is fresh)", ["view", "status", "reason"]
)
SECONDS = Histogram("fragment_answer_seconds", "Time to the complete answer, by view", ["view"], buckets=_BUCKETS)
CALLS = Counter(
    "fragment_bff_calls_total", "Calls to the BFF by upstream and reason ('' is an answer)", ["upstream", "reason"]
)
