"""Runs drills against a copy that is started for them, with fresh data, and stopped after them. For CI and for a desk.

    uv run python -m tests.drills.own_copy all --subset

The exit code is that of `manage.py drill`.
"""

import os
import subprocess
import sys
from collections.abc import Sequence

from tests.support.lobby import SLOTS, wait_for
from tests.support.mullion import ROOT, Mullion

STATE = 'data-state="fresh"'
STEADY_S_MAX = 60.0


def main(arguments: Sequence[str]) -> int:
    """Start, wait until the lobby is fresh, drill, stop."""
    with Mullion("--drills") as mullion:
        wait_for(lambda: mullion.get("/")[1].count(STATE) == len(SLOTS), STEADY_S_MAX, every_s=0.5)
        command = [sys.executable, "manage.py", "drill", *arguments, "--port-base", str(mullion.port_base)]
        environ = {**mullion.environ, "MULLION_DATA_ROOT": str(mullion.data.parent)}
        reports = os.environ.get("DRILL_REPORTS")
        return subprocess.run([*command, *(["--to", reports] if reports else [])], cwd=ROOT, env=environ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
