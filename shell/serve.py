"""The shell on uvicorn, replaced without refusing or cutting anybody: `python -m shell.serve`.

`LISTEN_FD` names a listening socket that is open already and that somebody keeps beyond this process: what comes
between this process and its successor waits in it. Without one, `HOST` and `PORT` are bound.
"""

import asyncio
import os
import socket

import uvicorn

DRAIN_S = 2
# A connection that was taken a moment ago has not been read yet: this long for it to say what it wants.
SETTLE_S = 0.2


class Serving(uvicorn.Server):
    """Ends in an order in which nobody who was let in is sent away."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        await asyncio.sleep(SETTLE_S)
        await super().shutdown(sockets)


def config(host: str, port: int) -> uvicorn.Config:
    """How uvicorn runs the shell."""
    return uvicorn.Config(
        "shell.asgi:application",
        host=host,
        port=port,
        timeout_graceful_shutdown=DRAIN_S,
        ws_per_message_deflate=False,
        access_log=False,
        log_level="warning",
        server_header=False,
    )


def main() -> None:
    """The process: serves until it is told to stop."""
    kept = os.environ.get("LISTEN_FD", "")
    serving = Serving(config(os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8000"))))
    serving.run(sockets=[socket.socket(fileno=int(kept))] if kept else None)


if __name__ == "__main__":
    main()
