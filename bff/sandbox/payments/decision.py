"""Decides a charge's outcome and answer by its amount, so that tests can choose a case.

Public: `Decision`, `decide`, `SLOW_S`.
"""

import random
from dataclasses import dataclass

SLOW_S = 5.0  # later than anybody waits
PROCESSING_S = 3.0


@dataclass(frozen=True, slots=True)
class Decision:
    """`status` is what the charge is at once, `finally_` what it becomes after `settle_s`.

    `answer_s` delays the answer; `webhooks` is how often the decided charge is told.
    """

    status: str
    finally_: str = ""
    reason: str = ""
    settle_s: float = 0.0
    answer_s: float = 0.0
    webhooks: int = 1


def decide(amount_minor: int, reference: str, seed: str) -> Decision:
    """The same amount, reference and seed give the same."""
    chance = random.Random(f"{seed}:{reference}")  # noqa: S311 (mishaps, not secrets)
    webhooks = 2 if chance.random() < 0.125 else 1
    hiccup_s = chance.uniform(0.2, 0.7) if chance.random() < 0.04 else 0.0
    ending = amount_minor % 100
    if ending == 13:
        return Decision("declined", reason="insufficient_funds", answer_s=hiccup_s, webhooks=webhooks)
    if ending == 14:
        return Decision("declined", reason="card_declined", answer_s=hiccup_s, webhooks=webhooks)
    if ending == 55:
        return Decision("processing", "approved", settle_s=PROCESSING_S, answer_s=hiccup_s, webhooks=webhooks)
    if ending == 56:
        return Decision("processing", "declined", "card_declined", PROCESSING_S, hiccup_s, webhooks)
    if ending == 77:
        return Decision("approved", settle_s=PROCESSING_S, answer_s=SLOW_S, webhooks=webhooks)
    return Decision("approved", answer_s=hiccup_s, webhooks=webhooks)
