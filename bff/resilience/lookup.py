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
from collections.abc import Callable, Sequence

from bff.resilience.message import CallFailed
from bff.resilience.reason import Reason

# What a name leads to; None where only that it leads anywhere is of interest.
Resolve = Callable[[str], Sequence[str] | None]


def resolve(host: str) -> Sequence[str]:
    """Ask the system for the addresses of `host`, the best first; blocks; OSError when there is no such name."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(each[4][0]) for each in found))


class Lookup:
    """The gate. `valid_s` is how long an answer counts before it has to be looked up again."""

    def __init__(self, valid_s: float, clock: Callable[[], float], resolve: Resolve = resolve) -> None:
        self._valid_s = valid_s
        self._clock = clock
        self._resolve = resolve
        self._resolved_until: dict[str, float] = {}
        self._addresses: dict[str, Sequence[str]] = {}
        self._pending: dict[str, asyncio.Future[None]] = {}

    async def check(self, host: str, wait_ms: float) -> Sequence[str]:
        """Where `host` leads, nothing for what is an address itself, once it is known to resolve.

        Raises `CallFailed` (dns) if it does not, or not within `wait_ms`.
        """
        if _is_address(host):
            return ()
        if self._resolved_until.get(host, 0.0) > self._clock():
            return self._addresses.get(host, ())
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
        return self._addresses.get(host, ())

    def _start_resolving(self, host: str) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        pending: asyncio.Future[None] = loop.create_future()
        pending.add_done_callback(lambda future: future.exception())  # nobody may be left to hear it
        self._pending[host] = pending

        def settle(addresses: Sequence[str] | None, error: OSError | None) -> None:
            self._pending.pop(host, None)
            if error is None:
                self._addresses[host] = addresses or ()
                self._resolved_until[host] = self._clock() + self._valid_s
                pending.set_result(None)
            else:
                pending.set_exception(error)

        def resolve_in_thread() -> None:
            failed: OSError | None = None
            addresses: Sequence[str] | None = None
            try:
                addresses = self._resolve(host)
            except OSError as error:
                failed = error
            with contextlib.suppress(RuntimeError):  # the loop has gone, and with it everybody who waited
                loop.call_soon_threadsafe(settle, addresses, failed)

        # A daemon: a resolver that hangs must not hold up the end of the process.
        threading.Thread(target=resolve_in_thread, name=f"lookup {host}", daemon=True).start()
        return pending


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
