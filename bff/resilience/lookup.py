"""Names are looked up once for all callers, and a resolver that hangs holds one thread, not one a call.

Public: `Lookup`, `resolve`.

The HTTP client resolves by itself, in threads that outlive the call's deadline. So a name must have been resolved here
lately before a call may reach the client: while the resolver hangs, callers wait at the gate, and their deadline holds.
"""

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable

from bff.resilience.message import CallFailed
from bff.resilience.reason import Reason

Resolve = Callable[[str], None]


def resolve(host: str) -> None:
    """Ask the system for `host`; blocks; raises OSError when there is no such name."""
    socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)


class Lookup:
    """The gate. `valid_s` is how long an answer stands before somebody must ask again."""

    def __init__(self, valid_s: float, clock: Callable[[], float], resolve: Resolve = resolve) -> None:
        self._valid_s = valid_s
        self._clock = clock
        self._resolve = resolve
        self._resolved_until: dict[str, float] = {}
        self._pending: dict[str, asyncio.Future[None]] = {}

    async def check(self, host: str, wait_ms: float) -> None:
        """Return when `host` is known to resolve; raises `CallFailed` (dns) if it does not, or not within `wait_ms`."""
        if self._resolved_until.get(host, 0.0) > self._clock() or _is_address(host):
            return
        pending = self._pending.get(host)
        if pending is None or pending.get_loop() is not asyncio.get_running_loop():
            pending = self._start_resolving(host)
        try:
            async with asyncio.timeout(wait_ms / 1000):
                await asyncio.shield(pending)
        except TimeoutError as error:
            raise CallFailed(Reason.DNS, f"{host} was not resolved in time") from error
        except OSError as error:
            raise CallFailed(Reason.DNS, f"{host}: {error}") from error

    def _start_resolving(self, host: str) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        pending: asyncio.Future[None] = loop.create_future()
        pending.add_done_callback(lambda future: future.exception())  # nobody may be left to hear it
        self._pending[host] = pending

        def settle(error: OSError | None) -> None:
            self._pending.pop(host, None)
            if error is None:
                self._resolved_until[host] = self._clock() + self._valid_s
                pending.set_result(None)
            else:
                pending.set_exception(error)

        def resolve_in_thread() -> None:
            failed: OSError | None = None
            try:
                self._resolve(host)
            except OSError as error:
                failed = error
            with contextlib.suppress(RuntimeError):  # the loop has gone, and with it everybody who waited
                loop.call_soon_threadsafe(settle, failed)

        # A daemon: a resolver that hangs must not hold up the end of the process.
        threading.Thread(target=resolve_in_thread, name=f"lookup {host}", daemon=True).start()
        return pending


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
