"""How often a toxic has hit: counted in requests if it tells requests apart, else in connections.

Public: `Hits`, `REQUESTS`, `CONNECTIONS`.
"""

import itertools

REQUESTS, CONNECTIONS = "requests", "connections"
_numbers = itertools.count(1)


class Hits:
    """The hits of one toxic through all its changes. `number` is unique in this process.

    Each request or connection counts once, however much of it was changed.
    """

    def __init__(self) -> None:
        self.number = next(_numbers)
        self.count = 0

    def add(self) -> None:
        self.count += 1
