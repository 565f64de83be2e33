"""Whether this process is draining: it serves existing connections and wants no others.

Public: `Drain`, `DRAIN`.
"""


class Drain:
    """Starts once, with the server's SIGTERM, and ends with the process."""

    def __init__(self) -> None:
        self.active = False

    def start(self) -> None:
        self.active = True


DRAIN = Drain()
