"""Processes that a run of `up` left behind on this machine.

Public: `left_of`.
"""

from pathlib import Path

from tests.support.mullion import Mullion


def left_of(mullion: Mullion) -> list[str]:
    """Command lines of this run's processes, by its folder in their environment, or its port in Valkey's title."""
    folder, title = str(mullion.data.parent).encode(), f"127.0.0.1:{mullion.port_base + 40}".encode()
    left = []
    for process in (path for path in Path("/proc").iterdir() if path.name.isdigit()):
        try:
            words, environ = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
        except OSError:
            continue
        if folder in environ or title in words:
            left.append(words.replace(b"\0", b" ").decode())
    return left
