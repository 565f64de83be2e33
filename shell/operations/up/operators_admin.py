"""The operators' admin with `--admin`: a process beside the shell, with the shell's environment and its database.

Public: `launch`, `welcome`, `ADMIN_NAME`.
"""

import shlex
from collections.abc import Mapping
from pathlib import Path

from bff.contracts.paths import HEALTH_PATH
from shell.operations.up.house import ADMIN_OFFSET
from shell.operations.up.launch import Launch

ADMIN_NAME = "admin"
SETTINGS = "shell.operations.admin.settings"
APPLICATION = "shell.operations.admin.asgi:application"


def launch(house: str, port_base: int, own: Mapping[str, str], python: str) -> Launch:
    """Its process: one of `house`, which is prepared first, and whose environment `own` is."""
    port = port_base + ADMIN_OFFSET
    return Launch(
        name=ADMIN_NAME,
        house=house,
        command=(python, "-m", "bff.resilience.serving", APPLICATION),
        environ={
            **own,
            "ADMIN_URL": _url(port_base, own),
            "DJANGO_SETTINGS_MODULE": SETTINGS,
            "PROCESS_NAME": ADMIN_NAME,
            "PORT": str(port),
            "INNER_PORT": "",
        },
        port=port,
        ready_path=HEALTH_PATH,
    )


def welcome(port_base: int, own: Mapping[str, str], data: Path) -> tuple[str, str]:
    """The line for the block that `up` prints: where it is, and how somebody comes to be staff."""
    made = f"DEBUG=1 MULLION_DATA={shlex.quote(str(data))} uv run manage.py createsuperuser"
    return ("Operators' admin", f"{_url(port_base, own)}/ for staff: {made}")


def _url(port_base: int, own: Mapping[str, str]) -> str:
    return own.get("ADMIN_URL") or f"http://localhost:{port_base + ADMIN_OFFSET}"
