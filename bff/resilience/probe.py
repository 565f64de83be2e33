"""The background probe of an upstream that failed.

Public: `Probe`, `FixedProbe`.
"""

from dataclasses import dataclass
from typing import Protocol

from bff.resilience.message import Request


class Probe(Protocol):
    """Requests that are safe to repeat and hold nobody's bearer."""

    def request(self) -> Request:
        """What to ask next."""

    def failed(self) -> None:
        """What was asked last is not well; something else may be."""

    def fork(self) -> "Probe":
        """One that has seen the same, and goes its own way from here."""


@dataclass(frozen=True, slots=True)
class FixedProbe:
    """Asks the same each time."""

    asks: Request

    def request(self) -> Request:
        return self.asks

    def failed(self) -> None:
        pass

    def fork(self) -> "FixedProbe":
        return self
