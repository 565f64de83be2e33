"""The last that was heard of each table, for when nothing is heard any more.

Public: `LastKnown`.
Held in the process's memory and bounded: after a restart there is nothing to go by, and the page says so.
"""

from collections import OrderedDict

import msgspec

from bff.contracts.tables import TableData
from bff.contracts.view import Freshness, View

TABLES_MAX = 512


class LastKnown:
    """By currency and table. What is handed out again is `down`, with the moment it was true."""

    def __init__(self, tables_max: int = TABLES_MAX) -> None:
        self._tables_max = tables_max
        self._views: OrderedDict[tuple[str, str], View[TableData]] = OrderedDict()

    def keep(self, currency: str, table_id: str, answer: View[TableData]) -> None:
        if answer.data is None:
            return
        self._views[currency, table_id] = answer
        self._views.move_to_end((currency, table_id))
        while len(self._views) > self._tables_max:
            self._views.popitem(last=False)

    def get(self, currency: str, table_id: str) -> View[TableData] | None:
        view = self._views.get((currency, table_id))
        if view is None:
            return None
        freshness = Freshness("down", view.freshness.as_of, view.freshness.sequence)
        return msgspec.structs.replace(view, freshness=freshness)
