"""The fault proxy as a process: `HOST` and `PORT` say where its API listens, `DRILL_HOPS` which proxies it has from the
start: a JSON list of `{"name", "listen", "upstream", "speaks"}`.

Run: `PORT=8474 python -m tests.drills.proxy`.
"""

import asyncio
import json
import os
import sys

import uvicorn

from tests.drills.proxy.api import Api
from tests.drills.proxy.collection import Proxies
from tests.drills.proxy.problems import ApiProblem

PORT = 8474  # Toxiproxy's
EXPIRE_STEP_S = 0.1
HOST = "127.0.0.1"


def main() -> None:
    try:
        port, hops = int(os.environ.get("PORT") or PORT), json.loads(os.environ.get("DRILL_HOPS") or "[]")
    except ValueError as error:
        sys.exit(f"drills: PORT is a number and DRILL_HOPS a JSON list: {error}")
    try:
        import uvloop
    except ModuleNotFoundError:  # not on Windows
        asyncio.run(serve(port, hops))
    else:
        uvloop.run(serve(port, hops))


async def serve(port: int, hops: list[dict[str, object]]) -> None:
    """Until SIGTERM; exits with a sentence where a hop can not be listened on."""
    clock = asyncio.get_running_loop().time
    proxies = Proxies()
    try:
        for hop in hops:
            await proxies.create(hop, clock(), fixed=True)
    except ApiProblem as problem:
        sys.exit(f"drills: {problem}")
    config = uvicorn.Config(
        Api(proxies, port, clock), host=HOST, port=port, lifespan="off", access_log=False, log_level="warning"
    )
    expiring = asyncio.create_task(_expire(proxies))
    try:
        await uvicorn.Server(config).serve()
    finally:
        expiring.cancel()
        proxies.close()


async def _expire(proxies: Proxies) -> None:
    while True:
        await asyncio.sleep(EXPIRE_STEP_S)
        try:
            await proxies.expire(asyncio.get_running_loop().time())
        except ApiProblem as problem:
            # Its port is somebody else's for the moment; it is tried again at the next step.
            print(f"drills: {problem}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
