"""One call through a guard, from its admission to its end.

Public: `GuardedCall`.
"""

from collections.abc import Hashable
from dataclasses import dataclass, replace

from bff.contracts import headers as names
from bff.contracts.partition import Partition
from bff.resilience.breaker import Permit
from bff.resilience.deadline import Deadline
from bff.resilience.judgement import Judge
from bff.resilience.message import Request


@dataclass(frozen=True, slots=True)
class GuardedCall:
    """`began` is when it was admitted; `resource` is whose copy of what it is about."""

    request: Request
    deadline: Deadline
    judge: Judge | None
    began: float = 0.0
    retries: bool = False
    resource: Hashable = None
    resource_permit: Permit | None = None

    def sent(self, given_ms: int, partition: Partition | None) -> Request:
        """The request with the headers for its deadline and its partition."""
        headers = (*self.request.headers, (names.DEADLINE_MS, str(given_ms)))
        handed_on = (partition.baggage,) if partition and partition.travels else ()
        return replace(self.request, headers=(*headers, *handed_on))
