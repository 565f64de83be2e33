"""A port base at which a whole Mullion fits.

Public: `free_port_base`.
"""

import random
import socket

from shell.operations.up.house import PORT_OFFSET_MAX

# Below the range from which Linux and macOS hand out ports by themselves.
LOWEST, HIGHEST = 10_000, 32_000
TRIES_MAX = 200


def free_port_base() -> int:
    """A base with every offset from 0 to 60 free; chosen at random, so that two test runs seldom meet."""
    for _ in range(TRIES_MAX):
        base = random.randrange(LOWEST, HIGHEST, 100)
        if all(_free(base + offset) for offset in range(PORT_OFFSET_MAX + 1)):
            return base
    raise RuntimeError(f"no {PORT_OFFSET_MAX + 1} free ports in a row between {LOWEST} and {HIGHEST}")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
