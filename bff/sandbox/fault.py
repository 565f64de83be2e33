"""The fault that a sandbox provider was set to, and until when.

Public: `Fault`, `FaultSwitch`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

NONE = "none"
FOR_S_MAX = 3600.0


@dataclass(frozen=True, slots=True)
class Fault:
    """`kind` is one of the provider's own words; `rate` is messages a second where that means something."""

    kind: str = NONE
    rate: float = 0.0


class FaultSwitch:
    """One fault at a time, on real time: a held clock must not make a fault last for ever."""

    def __init__(self, kinds: tuple[str, ...], monotonic: Callable[[], float] = time.monotonic) -> None:
        self.kinds = (NONE, *kinds)
        self._monotonic = monotonic
        self._fault = Fault()
        self._until = 0.0
        self._set_at = 0.0

    def set(self, kind: str, *, for_s: float, rate: float = 0.0) -> None:
        """Fail as `kind` for `for_s` seconds; ValueError when that can not be."""
        if kind not in self.kinds:
            raise ValueError(f"kind must be one of {', '.join(self.kinds)}")
        if not 0 < for_s <= FOR_S_MAX:
            raise ValueError(f"for_s must be more than 0 and at most {FOR_S_MAX:.0f}")
        if rate < 0:
            raise ValueError("rate must not be negative")
        self._fault = Fault(kind, rate)
        self._set_at = self._monotonic()
        self._until = self._set_at + for_s

    @property
    def fault(self) -> Fault:
        return self._fault if self._monotonic() < self._until else Fault()

    @property
    def since_s(self) -> float:
        """How long ago the fault was set."""
        return self._monotonic() - self._set_at

    def __repr__(self) -> str:
        return f"<FaultSwitch {self.fault.kind}>"
