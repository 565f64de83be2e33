"""The sweeper: ends every process group that `up` started once `up` itself is gone, however it ended.

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
        # A signal to all processes at once must not end the sweeper, which cleans up afterwards.
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
    """Whether `group` still had a process to receive the signal."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
