"""Many commands of `manage.py` in one process: starting Django is most of what one costs.

Public: `manage_commands`.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.support.mullion import ROOT, Mullion

_COMMANDS = """
import json, sys, django
django.setup()
from django.core.management import call_command
for words in json.load(sys.stdin):
    call_command(*words)
"""


def manage_commands(mullion: Mullion, *commands: Sequence[str], root: Path = ROOT, **environ: str) -> str:
    """The outputs of these commands, run with the environment of this Mullion's shell; `root` is the tree."""
    ours = {"DJANGO_SETTINGS_MODULE": "shell.settings", "DEBUG": "1", "MULLION_DATA": str(mullion.data)}
    run = subprocess.run(
        [sys.executable, "-c", _COMMANDS],
        cwd=root,
        env=mullion.environ | ours | environ,
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout
