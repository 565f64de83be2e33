"""The services beside the ledger that a command may use.

Public: `Services`.
"""

from typing import Protocol

from bff.commands.engine.threads import Engine
from bff.commands.payments.provider import PaymentsProvider


class Services(Protocol):
    """Held by the process that serves HTTP."""

    @property
    def engine(self) -> Engine: ...

    @property
    def payments(self) -> PaymentsProvider: ...
