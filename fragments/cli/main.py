"""`mullion`: the installed command, for teams that have nothing of this repository.

Public: `main`.
"""

import sys
from collections.abc import Sequence

from fragments.cli import pages, remote

USAGE = """usage: mullion fragment VERB …   write, look at, check, publish, try, preview, roll back, watch a fragment
       mullion page VERB …       add, change and roll back one page

new, dev and check need no shell; dev and that check need mullion-bench, too. For the rest MULLION_URL names the shell,
and MULLION_TOKEN is a token that its operators made. mullion fragment --help says more."""


def main(argv: Sequence[str] | None = None) -> int:
    """The command's exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    match given[:1]:
        case ["fragment"]:
            return remote.main(given[1:], prog="mullion fragment")
        case ["page"]:
            return pages.main(given[1:], prog="mullion page")
        case ["--help"] | ["-h"]:
            print(USAGE)
            return 0
    print(USAGE, file=sys.stderr)
    return 2
