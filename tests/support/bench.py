"""`fragment dev` as a team runs it, for tests.

Public: `Dev`.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from shell.operations.workbench.states import BenchState, Cell
from tests.support import plain_http
from tests.support.free_ports import free_port
from tests.support.mullion import ROOT

STATE = re.compile(r'data-state="([a-z]*)" data-reason="([a-z_]*)"')


class Dev:
    """The running command, on a port of its own; the fragment is in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder, port = folder, free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "manage.py", "fragment", "dev", str(folder), "--port", str(port)]
        environ = {"PATH": os.environ["PATH"], "HOME": str(folder)}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL)

    def get(self, path: str) -> str:
        try:
            return plain_http.get(self.url + path, timeout=20).text
        except httpx.ConnectError:
            assert self.process.poll() is None, "it ended by itself"
            return ""

    def slot(self, state: BenchState) -> tuple[tuple[str, str], str]:
        """((state, reason), HTML) of the slot."""
        html = self.get(f"/slots/{Cell('poll', state=state).key}/content")
        found = STATE.search(html)
        return (found[1], found[2]) if found else ("", ""), html

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)
