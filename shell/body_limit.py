"""The largest request that the shell reads: whatever is longer is refused before anything of it is kept.

Public: `BODY_BYTES_MAX`, `within_limit`.
"""

from collections.abc import Awaitable, Callable
from typing import Any

# Forms are all that is ever sent here.
BODY_BYTES_MAX = 64 * 1024

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


async def within_limit(scope: Any, receive: Receive, send: Send) -> Receive | None:
    """A `receive` that ends the request at the limit; None when its length said enough, and 413 has been answered."""
    if _said_length(scope) > BODY_BYTES_MAX:
        words = b"This request is larger than anything that can be sent here. Nothing was done.\n"
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(words)).encode())]
        await send({"type": "http.response.start", "status": 413, "headers": [*headers, (b"connection", b"close")]})
        await send({"type": "http.response.body", "body": words})
        return None
    left = BODY_BYTES_MAX

    async def limited() -> Any:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        # A length that was not told, or was told wrong: to everybody inside it looks as if the browser had left.
        return message if left >= 0 else {"type": "http.disconnect"}

    return limited


def _said_length(scope: Any) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
