"""The last one out: ends every process group that `up` started once `up` itself is gone, however it went.

A program of its own (`python -I -S sweeper.py`), in a session of its own. Its stdin is a pipe that only the
supervisor holds open: `+<group>` and `-<group>` lines say which groups live, the end of the pipe says that the
supervisor died. This reaches grandchildren, and works where the kernel has no parent-death signal.
"""

import os
import signal
import sys
import time

PATIENCE_S = 2.0
STEP_S = 0.05


def main() -> None:
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"):
        # Whoever signals everything at once must not take away the one that cleans up after it.
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        (groups.add if line[0] == "+" else groups.discard)(group)
    sweep(groups)


def sweep(groups: set[int]) -> None:
    for group in groups:
        send(group, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and any(send(group, 0) for group in groups):
        time.sleep(STEP_S)
    for group in groups:
        send(group, signal.SIGKILL)


def send(group: int, number: int) -> bool:
    """Whether anybody in `group` was there to hear it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
