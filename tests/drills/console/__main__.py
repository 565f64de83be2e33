"""The console as a process; `up --drills` gives it its environment and starts it.

`HOST` and `PORT` say where it listens, `CONSOLE_TOKEN` is the token that its page must send, `CONSOLE_PROXY` the
address of the fault proxy's API, `CONSOLE_PAGES` and `CONSOLE_FRONT` the shell's address and its hop,
`CONSOLE_PROCESSES` the processes whose metrics are read, and `PARTITION_KEY` signs the tester's mark.
"""

import asyncio
import contextlib
import os
import sys

import uvicorn

from tests.drills.console.app import Console
from tests.drills.console.causes import may_hit
from tests.drills.console.desk import Desk
from tests.drills.console.history import History
from tests.drills.console.places import BrokenEnvironment, Places
from tests.drills.console.sampler import Sampler
from tests.drills.console.tester import SessionMark
from tests.drills.control import Control

LOOPBACK = "127.0.0.1"


def main() -> None:
    try:
        places = Places.of(os.environ)
    except BrokenEnvironment as broken:
        sys.exit(f"drills-console: {broken}")
    asyncio.run(serve(places, SessionMark(os.environ.get("PARTITION_KEY", ""))))


async def serve(places: Places, tester: SessionMark) -> None:
    """Serves until SIGTERM."""
    history = History(may_hit)
    sampler = Sampler(places, history, tester)
    with Control(places.proxy) as control:
        app = Console(places, Desk(places, control, sampler, history, tester))
        config = uvicorn.Config(
            app, host=LOOPBACK, port=places.port, lifespan="off", access_log=False, log_level="warning"
        )
        # If sampling fails, the page would show an old state for ever: better to exit and be restarted.
        looking, serving = asyncio.create_task(sampler.run()), asyncio.create_task(uvicorn.Server(config).serve())
        await asyncio.wait([looking, serving], return_when=asyncio.FIRST_COMPLETED)
        for task in (looking, serving):
            if not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            task.result() if not task.cancelled() else None


if __name__ == "__main__":
    main()
