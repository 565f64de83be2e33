"""Ports for the servers that tests start. Each worker has a range of its own, and reuses a port only after all others.

Public: `free_port`, `free_port_base`.

All ports lie below the range from which Linux and macOS choose ports by themselves: a port of that range that was free
a moment ago may be used for somebody's connection when the server starts.
"""

import os
import random
import re
import socket
from collections.abc import Callable, Iterable

from shell.operations.up.house import PORT_OFFSET_MAX

SINGLES = range(24_000, 32_000)
BASES = range(10_000, 24_000, 100)

_given: set[int] = set()


def free_port() -> int:
    """A port that nobody listens on and that no other test of this run has got."""
    return _choose(SINGLES, lambda port: [port])


def free_port_base() -> int:
    """A base port at which a whole Mullion fits: every offset from 0 to 60 is free."""
    return _choose(BASES, lambda base: range(base, base + PORT_OFFSET_MAX + 1))


def _choose(range_: range, ports: Callable[[int], Iterable[int]]) -> int:
    """At random, so that two simultaneous test runs seldom collide. Ports that were used before come last, and are free
    by then."""
    mine = _of_this_process(range_)
    for chosen in sorted(random.sample(mine, len(mine)), key=_given.__contains__):
        if all(_free(port) for port in ports(chosen)):
            _given.add(chosen)
            return chosen
    raise RuntimeError(f"no free ports were found between {mine.start} and {mine.stop}")


def _of_this_process(range_: range) -> range:
    """The share of this pytest-xdist worker, or the whole range if the tests run in one process."""
    worker = re.fullmatch(r"gw(\d+)", os.environ.get("PYTEST_XDIST_WORKER", ""))
    if worker is None:
        return range_
    workers = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    share = len(range_) // workers
    first = int(worker[1]) % workers * share
    return range_[first : first + share]


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
