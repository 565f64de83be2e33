"""How a process that answers requests for days treats its memory: it is seldom tidied, and given back later.

Public: `for_long_running`.
"""

import ctypes
import gc

# CPython looks for cycles after 700 new containers, and over everything it holds every time a quarter has come anew.
# Requests make next to none, so that was most of the slowest per cent of pages: a pause of 50 to 80 ms each.
_COLLECT_AFTER = (50_000, 20, 100)
# A parsed body is a few hundred kilobytes that glibc hands back to the system at once and asks for again with the next:
# a third of what containment took. Sources: mallopt(3); the constants are glibc's.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_TRIM_BYTES, _MMAP_BYTES = 64 * 1024 * 1024, 16 * 1024 * 1024


def for_long_running() -> None:
    """Call it once, when everything is imported: what is there by then is taken to stay."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return  # another allocator, and no such habit
    mallopt(_M_TRIM_THRESHOLD, _TRIM_BYTES)
    mallopt(_M_MMAP_THRESHOLD, _MMAP_BYTES)
