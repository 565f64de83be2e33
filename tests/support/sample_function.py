"""A function that behaves as its path says: `/slow` takes too long, `/raise` raises, `/exit` ends its process, and
every other path is answered with the function's input.

Public: `handler`.
"""

import json
import os
import time
from typing import Any

CALLS = 0


def handler(event: dict[str, Any], _context: object) -> Any:
    global CALLS
    CALLS += 1
    path = event["rawPath"]
    if path == "/slow":
        time.sleep(30)
    if path == "/wait":
        time.sleep(0.5)
    if path == "/raise":
        raise ValueError("no such table")
    if path == "/exit":
        os._exit(3)
    if path == "/nothing":
        return {"body": "a body alone"}
    body = json.dumps({"event": event, "calls": CALLS, "own": sorted({"PORT", "FUNCTION_HANDLER"} & {*os.environ})})
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "cookies": ["a=1"], "body": body}
