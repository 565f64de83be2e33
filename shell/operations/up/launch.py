"""Descriptions of what `up` starts: a process to keep running, or a command that ends.

Public: `Launch`, `Step`.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Launch:
    """One process to keep running. `ready_path` is asked on `port`; an empty one means Valkey, which is PINGed.

    Lines of its output that contain one of `muted` are not shown. With `socket_activation` it inherits a socket.
    `inner_port` is where it answers operators alone, 0 where it has none; `nice` its niceness, where permitted.
    """

    name: str
    house: str
    command: tuple[str, ...]
    environ: Mapping[str, str]
    port: int
    ready_path: str
    publish_url: str = ""
    trust: str = ""
    muted: tuple[str, ...] = ()
    socket_activation: bool = False
    nice: int = 0
    inner_port: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """A command that ends: to prepare a house, or to publish."""

    house: str
    command: tuple[str, ...]
    environ: Mapping[str, str]
