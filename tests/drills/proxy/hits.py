"""How often a toxic has hit: requests where requests are told apart for it, else connections.

Public: `Hits`, `REQUESTS`, `CONNECTIONS`.
"""

import itertools

REQUESTS, CONNECTIONS = "requests", "connections"
_numbers = itertools.count(1)


class Hits:
    """Of one toxic, through all its changes. `number` is one that no other toxic of this process has.

    Each request or connection counts once, whether everything of it was changed or a byte.
    """

    def __init__(self) -> None:
        self.number = next(_numbers)
        self.count = 0

    def add(self) -> None:
        self.count += 1
