"""A least-recently-used cache that is bounded in bytes.

Public: `LruCache`.
"""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")

# What an entry costs besides its payload, so that many small ones are bounded as well.
_ENTRY_BYTES = 512


class LruCache(Generic[Value]):
    """The least recently used goes first. Safe to share between threads."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._entries: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def bytes(self) -> int:
        """What the entries are counted with; never more than the bound."""
        return self._bytes

    def get(self, key: Hashable) -> Value | None:
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            return entry[0]

    def put(self, key: Hashable, value: Value, payload_bytes: int) -> None:
        """Keep `value`, which holds `payload_bytes`; one that alone exceeds the bound is not kept."""
        cost = payload_bytes + _ENTRY_BYTES
        if cost > self._bytes_max:
            return
        with self._lock:
            replaced = self._entries.pop(key, None)
            if replaced is not None:
                self._bytes -= replaced[1]
            self._entries[key] = (value, cost)
            self._bytes += cost
            while self._bytes > self._bytes_max:
                _, (_, freed) = self._entries.popitem(last=False)
                self._bytes -= freed
