"""Runs drills against a copy that is started for them, with fresh data, and stopped after them. For CI and for a desk.

    uv run python -m tests.drills.own_copy all --subset

The exit code is that of `manage.py drill`. The copy's data is gone in the end, and what a run leaves is not: it lies
where `--to` or `DRILL_REPORTS` says, else among the runs of this machine.
"""

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
    with Mullion("--drills") as mullion:
        wait_for(lambda: mullion.get("/")[1].count(STATE) == len(SLOTS), STEADY_S_MAX, every_s=0.5)
        command = [sys.executable, "manage.py", "drill", *lasting(arguments), "--port-base", str(mullion.port_base)]
        environ = {**mullion.environ, "MULLION_DATA_ROOT": str(mullion.data.parent)}
        return subprocess.run(command, cwd=ROOT, env=environ).returncode


def lasting(arguments: Sequence[str]) -> list[str]:
    """`arguments`, with a folder for what a run leaves that outlasts the copy, where they name none."""
    if not {*arguments} & {"run", "try", "all"} or {*arguments} & {"--to", "--resume"}:
        return [*arguments]
    return [*arguments, "--to", os.environ.get("DRILL_REPORTS") or str(folder_of(data_root()))]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
