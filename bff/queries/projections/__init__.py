"""The read side's rules: how an event changes the records, and whether any event is missing.

Pure: no I/O and no clock in here, so that every order, repetition and loss can be tried.

Public: `PositionTracker`, `Wallets`, `Parked`, `FEED`, `compare`, `topics_of`, `StoredRecords`.
"""

from bff.queries.projections.comparison import StoredRecords, compare, topics_of
from bff.queries.projections.position_tracker import PositionTracker
from bff.queries.projections.wallets import FEED, Parked, Wallets

__all__ = ["FEED", "Parked", "PositionTracker", "StoredRecords", "Wallets", "compare", "topics_of"]
