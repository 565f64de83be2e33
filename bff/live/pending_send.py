"""A send that was begun without a task.

Public: `begin`, `PendingSend`.
Most sends never wait: the server takes the text and returns. Waking a task for each of them costs as much as the send
itself, so fan-out begins the send on the spot, and only one that does wait is finished by the socket's writer.
"""

from collections.abc import Coroutine, Generator
from typing import Any


class PendingSend:
    """What is left of a begun coroutine; await it once."""

    __slots__ = ("_coroutine", "_waits_for")

    def __init__(self, coroutine: Coroutine[Any, Any, None], waits_for: Any) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, None]:
        # Whoever awaits this waits for what the coroutine asked to wait for, and passes on how that ended.
        waits_for = self._waits_for
        try:
            while True:
                try:
                    answer = yield waits_for
                except BaseException as error:  # noqa: BLE001 (a cancellation belongs to the coroutine)
                    waits_for = self._coroutine.throw(error)
                else:
                    waits_for = self._coroutine.send(answer)
        except StopIteration:
            return


def begin(coroutine: Coroutine[Any, Any, None]) -> PendingSend | None:
    """Run `coroutine` until it ends (None) or has to wait (the rest of it); raises what it raises."""
    try:
        waits_for = coroutine.send(None)
    except StopIteration:
        return None
    return PendingSend(coroutine, waits_for)
