"""The last answers of the BFF, to be shown while it does not answer.

Public: `LastKnown`.
Held in the process's memory and bounded: it is empty after a restart.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

import msgspec

from bff.contracts.view import Freshness, View
from bff.resilience.outcome import Failure
from bff.resilience.partition import current
from bff.resilience.reason_properties import PROPERTIES

T = TypeVar("T")

ANSWERS_MAX = 512


class LastKnown(Generic[T]):
    """By key, which names the player where the answer is a player's, and the currency where it has one."""

    def __init__(self, answers_max: int = ANSWERS_MAX) -> None:
        self._answers_max = answers_max
        self._answers: OrderedDict[Hashable, View[T]] = OrderedDict()

    def recall(self, key: Hashable, answer: View[T] | Failure) -> tuple[View[T] | Failure, Failure | None]:
        """(the view to show, the failure that it replaces); `answer` itself where it holds data. An older answer is
        marked `down`, with the time as of which it is true. An empty query store is no failure, but is replaced by the
        last answer too.
        """
        if isinstance(answer, View) and answer.data is not None:
            if current() is None:  # a partition reads shared answers, but stores none
                self._keep(key, answer)
            return answer, None
        last_known = self._answers.get(key)
        failure = answer if isinstance(answer, Failure) else None
        if last_known is None or (failure is not None and PROPERTIES[failure.reason].passed_on):
            return answer, None
        freshness = Freshness("down", last_known.freshness.as_of, last_known.freshness.sequence)
        return msgspec.structs.replace(last_known, freshness=freshness), failure

    def _keep(self, key: Hashable, answer: View[T]) -> None:
        self._answers[key] = answer
        self._answers.move_to_end(key)
        while len(self._answers) > self._answers_max:
            self._answers.popitem(last=False)
