"""Many commands of `manage.py` in one process: starting Django is most of what one costs.

Public: `manage_commands`, `ManageProcess`.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

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


ANSWERS_S_MAX = 100
# Answers go where nothing else is printed; as `manage.py` does, the log says no more than warnings, to stderr.
_SERVE = """
import contextlib, io, json, logging, os, sys, traceback
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
from bff.resilience import log
log.configure(level=logging.WARNING)
import django
django.setup()
from django.core.management import call_command
from django.db import connections
for line in sys.stdin:
    printed, error = io.StringIO(), ""
    try:
        with contextlib.redirect_stdout(printed):
            call_command(*json.loads(line))
    except (Exception, SystemExit):
        error = traceback.format_exc()
    connections.close_all()
    print(json.dumps([printed.getvalue(), error]), file=answers, flush=True)
os._exit(0)
"""


class ManageProcess:
    """`with ManageProcess(environ) as manage: manage("fragment", "publish", url)`, one command after the other."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {**environ, "DJANGO_SETTINGS_MODULE": "shell.settings"}

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVE],
            cwd=ROOT,
            env=self._environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # It ends with its input.
        self._process.communicate(timeout=ANSWERS_S_MAX)

    def __call__(self, *words: str) -> str:
        """What the command printed; AssertionError with what it raised."""
        assert self._process.stdin
        assert self._process.stdout
        late = threading.Timer(ANSWERS_S_MAX, self._process.kill)
        late.start()
        try:
            print(json.dumps(words), file=self._process.stdin, flush=True)
            answer = self._process.stdout.readline()
        finally:
            late.cancel()
        assert answer, f"manage.py {' '.join(words)}: no answer in {ANSWERS_S_MAX} s, or its process has ended"
        printed, error = json.loads(answer)
        assert not error, error
        return str(printed)
