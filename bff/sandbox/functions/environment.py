"""One environment: a process with AWS's runtime client in it, which serves one request at a time.

Public: `Environment`, `State`, `FunctionTimedOut`.
"""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from bff.sandbox.functions.policy import FunctionsPolicy
from bff.sandbox.functions.runtime_api import FunctionFailed, Invocation, RuntimeApi

State = Literal["starting", "idle", "busy", "ended"]
ROOT = Path(__file__).resolve().parents[3]
# The platform's own: a function is told its place by the Runtime API alone.
_OWN = frozenset({"HOST", "PORT", "INNER_PORT", "LISTEN_FD", "FUNCTION_HANDLER"})


class FunctionTimedOut(Exception):
    """The function did not answer in time; its environment is ended, as Lambda does."""


class Environment:
    """`began_at` and `used_at` are monotonic seconds."""

    def __init__(self, number: int, handler: str, policy: FunctionsPolicy, environ: Mapping[str, str]) -> None:
        self.number, self.state = number, "starting"
        self.began_at = self.used_at = time.monotonic()
        self.requests = 0
        self._handler, self._policy, self._environ = handler, policy, environ
        self._api = RuntimeApi(environ.get("PROCESS_NAME", ""))
        self._process: asyncio.subprocess.Process | None = None
        self._watching: asyncio.Task[None] | None = None
        self._current: Invocation | None = None

    state: State

    @property
    def init_ms(self) -> float:
        """What its start and loading its function took; 0 until then."""
        return (self._api.polled_at - self.began_at) * 1000 if self._api.polled_at else 0.0

    async def start(self, wait_s: float = 0.0) -> None:
        """Start its process, after `wait_s`; it loads the function by itself."""
        await asyncio.sleep(wait_s)
        address = await self._api.start()
        given = {name: value for name, value in self._environ.items() if name not in _OWN}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "awslambdaric", self._handler, cwd=ROOT, env={**given, **self._of_lambda(address)}
        )
        self._watching = asyncio.create_task(self._watch(self._process))

    async def invoke(self, event: dict[str, Any]) -> Any:
        """What the function returns. Raises `FunctionTimedOut`, `FunctionFailed`."""
        self.state = "busy"
        self.requests += 1
        self._current = current = Invocation(json.dumps(event).encode(), self._policy.timeout_s)
        self._api.hand_out(current)
        try:
            await self._loaded()
            async with asyncio.timeout(self._policy.timeout_s):
                return await current.ended
        except TimeoutError as error:
            raise FunctionTimedOut(f"no answer within {self._policy.timeout_s:g} s") from error
        finally:
            self._current = None
            self.used_at = time.monotonic()
            if self.state == "busy":
                self.state = "idle"

    async def end(self) -> None:
        """Kill its process: an environment that goes is not polled."""
        self.state = "ended"
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        if self._watching is not None:
            await self._watching
        self._api.close()

    def crash(self) -> None:
        """As if the process had died in the middle of a request."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _loaded(self) -> None:
        """Returns when the function has polled for an event; raises where it never will."""
        if self._api.polled.is_set() or self._current is None:
            return
        polled = asyncio.create_task(self._api.polled.wait())
        try:
            await asyncio.wait(
                {polled, self._current.ended}, timeout=self._policy.init_s_max, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            polled.cancel()
        if self._current.ended.done():
            return
        if not self._api.polled.is_set():
            raise FunctionTimedOut(f"not loaded within {self._policy.init_s_max:g} s")

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        code = await process.wait()
        self.state = "ended"
        if self._current is not None:
            self._current.fail(self._api.init_error or f"its process ended with {code}")

    def _of_lambda(self, address: str) -> dict[str, str]:
        return {
            "AWS_LAMBDA_RUNTIME_API": address,
            "AWS_LAMBDA_FUNCTION_NAME": self._environ.get("PROCESS_NAME", ""),
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self._policy.memory_mb),
            "AWS_REGION": "eu-west-1",
            "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), self._environ.get("PYTHONPATH", "")))),
        }


__all__ = ["Environment", "FunctionFailed", "FunctionTimedOut", "State"]
