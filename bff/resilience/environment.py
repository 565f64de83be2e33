"""Numbers that a process is given by its environment.

Public: `number_of`.
"""

import sys
from collections.abc import Mapping


def number_of(environ: Mapping[str, str], name: str, default: int) -> int:
    """The port or descriptor that `name` holds, `default` where it is empty. Ends the process where it is neither."""
    value = environ.get(name) or str(default)
    if not (value.isascii() and value.isdecimal() and int(value) <= 65_535):
        sys.exit(f"{name} can not be used: it is a number from 0 to 65535.")
    return int(value)
