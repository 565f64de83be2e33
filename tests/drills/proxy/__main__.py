"""The fault proxy as a process: `HOST` and `PORT` say where its API listens, `DRILL_HOPS` which proxies it has from the
start: a JSON list of `{"name", "listen", "upstream", "speaks"}`; `DRILL_ABSENT` maps a hop that there is not to the
reason.

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
        absent = json.loads(os.environ.get("DRILL_ABSENT") or "{}")
    except ValueError as error:
        sys.exit(f"drills: PORT is a number, DRILL_HOPS a JSON list and DRILL_ABSENT a JSON object: {error}")
    try:
        import uvloop
    except ModuleNotFoundError:  # not on Windows
        asyncio.run(serve(port, hops, absent))
    else:
        uvloop.run(serve(port, hops, absent))


async def serve(port: int, hops: list[dict[str, object]], absent: dict[str, str]) -> None:
    """Until SIGTERM; exits with a sentence where a hop can not be listened on."""
    clock = asyncio.get_running_loop().time
    proxies = Proxies()
    try:
        for hop in hops:
            await proxies.create(hop, clock(), fixed=True)
    except ApiProblem as problem:
        sys.exit(f"drills: {problem}")
    config = uvicorn.Config(
        Api(proxies, port, clock, absent), host=HOST, port=port, lifespan="off", access_log=False, log_level="warning"
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
        for problem in await proxies.expire(asyncio.get_running_loop().time()):
            print(f"drills: {problem}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
