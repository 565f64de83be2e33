"""What is drilled: the address that players use, the fault proxy's API, and for a copy on this machine its data too.

Public: `Target`, `local`, `remote`.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shell.operations.up.board import FILE
from shell.operations.up.plan import PARTITION_KEY
from tests.drills.control import CanNotRun, find, folder, key_here

SANDBOX = "sandbox-"


@dataclass(frozen=True, slots=True)
class Target:
    """`sandbox` maps the names of what can be switched to fail (providers, and platforms of functions) to addresses.
    `data` is the folder of a copy on this machine, None elsewhere. Without `key` no session can be marked."""

    base_url: str
    control_url: str
    key: str = field(default="", repr=False)
    sandbox: Mapping[str, str] = field(default_factory=dict)
    data: Path | None = None


def local(root: Path, port_base: int | None) -> Target:
    """The copy that runs on this machine; raises `CanNotRun`."""
    control_url = find(root, port_base)
    data = folder(root, port_base)
    processes = json.loads((data / FILE).read_text("utf-8"))
    sandbox = {
        name: f"http://127.0.0.1:{row['port']}"
        for name, row in processes.items()
        if name.startswith(SANDBOX) or row.get("function")
    }
    return Target(f"http://localhost:{data.name}", control_url, key_here(root, port_base), sandbox, data)


def remote(base_url: str, control_url: str) -> Target:
    """A copy elsewhere; its key comes from the environment. Raises `CanNotRun` if `control_url` is empty."""
    if not control_url:
        raise CanNotRun(f"{base_url} runs elsewhere: give the address of its fault proxy with --control-url URL")
    return Target(base_url.rstrip("/"), control_url.rstrip("/"), os.environ.get(PARTITION_KEY, ""))
