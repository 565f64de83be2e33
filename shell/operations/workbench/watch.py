"""Detects changes of the files in a folder.

Public: `Fingerprint`, `fingerprint`.
"""

import os
from pathlib import Path

_LEFT_OUT = frozenset({"node_modules", "__pycache__"})
FILES_MAX = 5_000

Fingerprint = frozenset[tuple[str, int, int]]


def fingerprint(root: Path) -> Fingerprint:
    """(path, time of change, bytes) of `FILES_MAX` files at most; none of hidden folders, or of what was installed."""
    found: set[tuple[str, int, int]] = set()
    for folder, below, names in os.walk(root):
        below[:] = [name for name in below if name not in _LEFT_OUT and not name.startswith(".")]
        for name in names:
            path = os.path.join(folder, name)
            try:
                status = os.stat(path)
            except OSError:  # it has just gone, and its absence is the change
                continue
            found.add((path, status.st_mtime_ns, status.st_size))
            if len(found) >= FILES_MAX:
                return frozenset(found)
    return frozenset(found)
