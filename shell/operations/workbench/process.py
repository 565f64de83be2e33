"""A fragment's own process: started, asked whether it is ready, ended with all that it started.

Public: `FragmentProcess`, `NotReady`.
"""

import asyncio
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Mapping

from shell.operations.up.child import Child
from shell.operations.up.orphan_guard import OrphanGuard
from shell.operations.up.ready import answers
from shell.operations.workbench.folder import REPOSITORY, FragmentFolder

HOST = "127.0.0.1"
READY_S_MAX = 30.0
ENDS_S_MAX = 4.0
POLL_S = 0.05
LINES_MAX = 12
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "NODE_PATH")


class NotReady(Exception):
    """The fragment ended or did not answer; the message holds the end of its output."""


class FragmentProcess:
    """One run of a fragment on a port of its own."""

    def __init__(self, folder: FragmentFolder, environ: Mapping[str, str], orphan_guard: OrphanGuard) -> None:
        self._folder, self._orphan_guard = folder, orphan_guard
        self.port = _free_port()
        given = {name: value for name, value in os.environ.items() if name in _PASSED_ON}
        own = {"DEBUG": "1", "HOST": HOST, "PORT": str(self.port), "PROCESS_NAME": folder.name}
        if folder.command[0] == sys.executable:
            # Without an environment of its own it has this one's, and the kit from here.
            own["PYTHONPATH"] = os.pathsep.join(map(str, (folder.root, REPOSITORY)))
        self._environ = {**given, **own, **environ}
        self._lines: deque[str] = deque(maxlen=LINES_MAX)
        self._child: Child | None = None
        self._ended: asyncio.Task[int] | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def start(self) -> None:
        """Until it is ready; raises `NotReady`."""
        folder = self._folder
        self._child = await Child.start(
            folder.command, self._environ, folder.root, self._orphan_guard, self._lines.append
        )
        self._ended = asyncio.create_task(self._child.wait())
        for _ in range(round(READY_S_MAX / POLL_S)):
            if self._ended.done():
                raise NotReady(f"{folder.name} ended before it was ready:\n" + "\n".join(self._lines))
            if await answers(HOST, self.port, folder.ready):
                return
            await asyncio.sleep(POLL_S)
        raise NotReady(f"{folder.name} answers nothing at {folder.ready}:\n" + "\n".join(self._lines))

    async def stop(self) -> None:
        """Stop it as a deployment would: SIGTERM, then SIGKILL if it does not end."""
        if self._child is None or self._ended is None:
            return
        self._child.signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(asyncio.shield(self._ended), ENDS_S_MAX)
        except TimeoutError:
            self._child.signal(signal.SIGKILL)
            await self._ended


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
