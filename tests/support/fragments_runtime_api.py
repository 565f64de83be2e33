"""AWS Lambda's Runtime API for one function on this machine, and the real runtime client against it.

    answer = invoke("fragments.wallet.function.handler", get_event("/summary"), {"DEBUG": "1"})

Public: `invoke`, `get_event`.
Source: AWS, "Using the Lambda runtime API" (2018-06-01).
"""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
INVOKED_S_MAX = 30
_BASE = "/2018-06-01/runtime"
_REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"


class _RuntimeApi(ThreadingHTTPServer):
    """Hands out one event and records the function's answer; a second `next` waits for ever, as when idle."""

    daemon_threads = True

    def __init__(self, event: dict[str, Any]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.event = event
        self.handed_out = False
        self.answered = threading.Event()
        self.answer: tuple[str, Any] = ("", None)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _RuntimeApi

    def do_GET(self) -> None:
        assert self.path == f"{_BASE}/invocation/next", self.path
        if self.server.handed_out:
            threading.Event().wait()
        self.server.handed_out = True
        headers = {
            "Lambda-Runtime-Aws-Request-Id": _REQUEST_ID,
            "Lambda-Runtime-Deadline-Ms": "4102444800000",
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:123456789012:function:fragment",
        }
        self._say(200, json.dumps(self.server.event).encode(), headers)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.answer = (self.path.removeprefix(_BASE), json.loads(body))
        self._say(202, b"{}", {})
        self.server.answered.set()

    def _say(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body)), "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Silent: pytest shows what failed."""


def invoke(handler: str, event: dict[str, Any], environment: dict[str, str], *, python: str = sys.executable) -> Any:
    """The answer of `handler` to `event`; raises `AssertionError` with the function's own error if it failed."""
    api = _RuntimeApi(event)
    threading.Thread(target=api.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    client = subprocess.Popen(
        [python, "-m", "awslambdaric", handler],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": "fragment",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            **environment,
        },
    )
    try:
        assert api.answered.wait(INVOKED_S_MAX), f"{handler} did not answer within {INVOKED_S_MAX} s"
        path, sent = api.answer
        assert path == f"/invocation/{_REQUEST_ID}/response", f"{path}: {sent}"
        return sent
    finally:
        client.kill()
        client.wait(10)
        api.shutdown()
        api.server_close()


def get_event(path: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """A GET as a function URL hands it over (payload format 2.0)."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "fragment.example", **(headers or {})},
        "requestContext": {
            "http": {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }
