"""Management commands of the transaction engine, run on the ledger of a copy on this machine.

Public: `audited`, `reset_players`.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from shell.operations.up.running import GIVEN, SERVICES
from tests.drills.control import CanNotRun
from tests.drills.runner.target import Target

ROOT = Path(__file__).parents[3]
SECONDS_MAX = 60.0


async def audited(target: Target) -> tuple[str, bool]:
    """The output of the ledger's audit, and whether the ledger is sound; only for a copy on this machine."""
    if target.data is None:
        return "asked only of a copy on this machine", True
    return await _manage(target.data, "audit_ledger")


async def reset_players(target: Target) -> None:
    """Set balances, limits and exclusions of the demo players back to their first values. Raises `CanNotRun`."""
    if target.data is None:
        return
    words, done = await _manage(target.data, "reset_demo")
    if not done:
        raise CanNotRun(f"The demo players could not be reset: {words}")


async def _manage(data: Path, name: str) -> tuple[str, bool]:
    command = [sys.executable, "manage.py", name, "--settings", "bff.commands.settings"]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=_environ(data), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(SECONDS_MAX):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return f"{name} was not done after {SECONDS_MAX:g} s", False
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return (lines[-1] if lines else f"{name} ended with {process.returncode}")[:400], process.returncode == 0


def _environ(data: Path) -> dict[str, str]:
    """The environment of the copy's processes, without the services that this shell happens to name."""
    try:
        services: dict[str, str] = json.loads((data / SERVICES).read_text("utf-8"))
    except (OSError, ValueError):
        services = {}
    inherited = {name: value for name, value in os.environ.items() if name not in GIVEN}
    return {**inherited, **services, "MULLION_DATA": str(data), "DEBUG": "1"}
