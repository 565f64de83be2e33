"""Where a request's partition is read: once, behind the border, and only in a process that has the key.

Public: `partitioned`, `key_of`.
"""

import sys
import time
from collections.abc import Mapping
from typing import Literal

from bff.contracts.partition import in_baggage, in_cookies
from bff.resilience.border import Application, Receive, Scope, Send
from bff.resilience.partition import within

KEY_CHARS_MIN = 32
_READERS = {"cookie": in_cookies, "baggage": in_baggage}


def partitioned(
    application: Application, environ: Mapping[str, str], *, brought_by: Literal["cookie", "baggage"]
) -> Application:
    """`application`, its requests each in the partition that their `brought_by` header marks.

    What browsers reach reads their cookie, and what they say in `baggage` is nothing to it. Without `PARTITION_KEY` it
    is `application` itself. Belongs inside a `Border`, which lets each header stand once.
    """
    key = key_of(environ)
    if not key:
        return application
    name, read = brought_by.encode(), _READERS[brought_by]

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        value = next((value for given, value in scope.get("headers", ()) if given == name), None)
        partition = read(value.decode("latin-1"), key, now=time.time()) if value else None
        if partition is None:
            await application(scope, receive, send)
            return
        with within(partition):
            await application(scope, receive, send)

    return serve


def key_of(environ: Mapping[str, str]) -> str:
    """The key of marks, empty where there are none. Ends the process where it could be guessed."""
    key = environ.get("PARTITION_KEY", "")
    if key and len(key) < KEY_CHARS_MIN:
        sys.exit(
            f"PARTITION_KEY could be guessed: it has fewer than {KEY_CHARS_MIN} characters. Make one: "
            'python -c "import secrets; print(secrets.token_urlsafe(48))"; or leave it away.'
        )
    return key
