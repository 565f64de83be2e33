"""One child: started in its own process group, its output led to the console, its whole group ended.

Public: `Child`.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from shell.operations.up.orphan_guard import OrphanGuard, end_with_parent

LINE_BYTES_MAX = 16 * 1024
LAST_WORDS_S = 1.0
CHUNK_BYTES = 64 * 1024


class Child:
    """A running process. `wait` returns its exit code once its group is gone and its output is read."""

    def __init__(self, process: asyncio.subprocess.Process, orphan_guard: OrphanGuard) -> None:
        self._process, self._orphan_guard = process, orphan_guard
        self.pid = process.pid
        orphan_guard.track(self.pid)

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        environ: Mapping[str, str],
        root: Path,
        orphan_guard: OrphanGuard,
        line: Callable[[str], None],
        *,
        inherited: Sequence[int] = (),
        nice: int = 0,
    ) -> "Child":
        """`nice` is its niceness; one below the parent's is taken only where the system permits it."""
        # An own pipe: with asyncio's, `wait` would also wait for grandchildren that hold its other end.
        ours, theirs = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                env=dict(environ),
                cwd=root,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=theirs,
                stderr=asyncio.subprocess.STDOUT,
                process_group=0,
                pass_fds=inherited,
                preexec_fn=_before_exec(nice),
            )
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        child = cls(process, orphan_guard)
        await child._listen(ours, line)
        return child

    async def wait(self) -> int:
        code = await self._process.wait()
        # Processes that a dead one leaves in its group would keep its port.
        self.signal(signal.SIGKILL)
        self._orphan_guard.untrack(self.pid)
        with contextlib.suppress(TimeoutError):
            # A process that left the group and still holds the pipe must not keep the supervisor waiting.
            await asyncio.wait_for(self._reading, LAST_WORDS_S)
        self._pipe.close()
        return code

    async def _listen(self, output: int, line: Callable[[str], None]) -> None:
        reader, file = asyncio.StreamReader(), os.fdopen(output, "rb", buffering=0)
        connected = asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
        self._pipe, _ = await connected
        self._reading = asyncio.create_task(self._read(reader, line))

    def signal(self, number: int) -> None:
        """To the whole group; quiet when it is gone."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    async def _read(self, output: asyncio.StreamReader, line: Callable[[str], None]) -> None:
        rest = b""
        while chunk := await output.read(CHUNK_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            for whole in lines:
                line(whole[:LINE_BYTES_MAX].decode("utf-8", "replace"))
            # A process that writes without line ends must not fill the supervisor.
            rest = rest[-LINE_BYTES_MAX:]
        if rest:
            line(rest.decode("utf-8", "replace"))


def _before_exec(nice: int) -> Callable[[], None]:
    end = end_with_parent(signal.SIGKILL)

    def prepare() -> None:
        end()
        if nice:
            # Only root, or who has CAP_SYS_NICE, may go before others; without it all are equal.
            with contextlib.suppress(PermissionError):
                os.setpriority(os.PRIO_PROCESS, 0, nice)

    return prepare
