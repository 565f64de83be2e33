"""`mullion fragment check` where no shell is named: the check of the repository, from the wheel.

Public: `check`.
"""

import os
import sys
from collections.abc import Sequence

from shell.operations.fragment_check.cli import main


def check(argv: Sequence[str]) -> int:
    """Ends the process: a thread of the HTTP client that still hands back a result would abort its ordinary end."""
    code = main(argv)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
