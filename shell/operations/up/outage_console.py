"""The outage console with `--drills`: a page for people beside the fault proxy, decided from values alone.

Public: `launch`, `welcome`, `CONSOLE_NAME`.
"""

import json
from collections.abc import Mapping, Sequence

from bff.contracts.paths import HEALTH_PATH, METRICS_PATH
from shell.operations.up.drills import BROWSER, HOST, Layout
from shell.operations.up.house import House, Process
from shell.operations.up.launch import Launch

CONSOLE_NAME = "drills-console"
CONSOLE_MODULE = "tests.drills.console"


def launch(
    houses: Sequence[House],
    processes: Sequence[Process],
    layout: Layout,
    port_base: int,
    environ: Mapping[str, str],
    token: str,
    python: str,
) -> Launch:
    """Its process. `environ` is what `up` itself was given, with the key of testers' marks where there is one."""
    figures = [
        {
            "name": process.name,
            "house": house.name,
            "metrics": f"http://{HOST}:{_inner(process, layout, port_base)}{METRICS_PATH}",
        }
        for house in houses
        for process in house.processes
        if process in processes
    ]
    own = {
        "PYTHONUNBUFFERED": "1",
        "PORT": str(layout.console),
        "CONSOLE_TOKEN": token,
        "CONSOLE_PROXY": f"http://{HOST}:{layout.control}",
        "CONSOLE_PAGES": f"http://localhost:{port_base}" if layout.front else "",
        "CONSOLE_FRONT": f"{BROWSER}:{layout.front}" if layout.front else "",
        "CONSOLE_PROCESSES": json.dumps(figures),
    }
    return Launch(
        name=CONSOLE_NAME,
        house=CONSOLE_NAME,
        command=(python, "-m", CONSOLE_MODULE),
        environ={**environ, **own},
        port=layout.console,
        ready_path=HEALTH_PATH,
    )


def welcome(layout: Layout, token: str) -> tuple[str, str]:
    """The line for the block that `up` prints: whoever can read it may break everything."""
    return ("Outage console", f"http://localhost:{layout.console}/#token={token}")


def _inner(process: Process, layout: Layout, port_base: int) -> int:
    if process.inner is not None:
        return port_base + process.inner
    return layout.moved.get(process.name, port_base + process.port)
