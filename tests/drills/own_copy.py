"""Runs drills against a copy that is started for them, with fresh data. For `.ci/full` and for a desk.

    uv run python -m tests.drills.own_copy all --http
    uv run python -m tests.drills.own_copy --functions wallet run function-cold

`--functions` starts the copy with these fragments as functions, as that of `manage.py up` does; all else is for
`manage.py drill`, whose exit code is this one's. The copy's data is gone in the end, and what a run leaves is not: it
lies where `--to` or `DRILL_REPORTS` says, else among the runs of this machine.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence

from shell.operations.up.cli import data_root
from tests.drills.runner.session import folder_of
from tests.support.lobby import SLOTS, wait_for
from tests.support.mullion import ROOT, Mullion

STATE = 'data-state="fresh"'
STEADY_S_MAX = 60.0


def main(arguments: Sequence[str]) -> int:
    """Start, wait until the lobby is fresh, drill, stop."""
    options, drilled = divided(arguments)
    with Mullion("--drills", *options) as mullion:
        wait_for(lambda: mullion.get("/")[1].count(STATE) == len(SLOTS), STEADY_S_MAX, every_s=0.5)
        command = [sys.executable, "manage.py", "drill", *lasting(drilled), "--port-base", str(mullion.port_base)]
        environ = {**mullion.environ, "MULLION_DATA_ROOT": str(mullion.data.parent)}
        return subprocess.run(command, cwd=ROOT, env=environ).returncode


def divided(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """What of `arguments` the copy is started with, and what it is drilled with."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--functions", action="append", default=[])
    own, drilled = parser.parse_known_args(arguments)
    return [word for names in own.functions for word in ("--functions", names)], drilled


def lasting(arguments: Sequence[str]) -> list[str]:
    """`arguments`, with a folder for what a run leaves that outlasts the copy, where they name none."""
    if not {*arguments} & {"run", "try", "all"} or {*arguments} & {"--to", "--resume"}:
        return [*arguments]
    return [*arguments, "--to", os.environ.get("DRILL_REPORTS") or str(folder_of(data_root()))]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
