"""Fragments that `--functions` runs as functions, on a platform like AWS Lambda's: decided from values alone.

Public: `FunctionUnknown`, `check_functions`, `as_function`, `HANDLER`.
"""

from collections.abc import Mapping, Sequence

from msgspec import structs

from shell.operations.up.house import Process

PLATFORM = "bff.sandbox.functions.asgi:application"
HANDLER = "FUNCTION_HANDLER"
ENVIRONMENTS_PATH = "/control/environments"


class FunctionUnknown(Exception):
    """`--functions` names what is no fragment that runs here; the message lists those that are."""


def check_functions(names: Sequence[str], processes: Sequence[Process]) -> None:
    """Raises `FunctionUnknown`. What is published as a fragment has a handler beside its app."""
    fragments = [process.name for process in processes if process.publish and process.asgi]
    for name in names:
        if name not in fragments:
            here = ", ".join(fragments) or "none"
            raise FunctionUnknown(f"'{name}' can not be run as a function. Fragments that run here: {here}.")


def as_function(process: Process) -> tuple[Process, Mapping[str, str]]:
    """The launch of the function platform in the process's place, and its further variables."""
    module = process.asgi.partition(":")[0].rpartition(".")[0]
    return structs.replace(process, asgi=PLATFORM, run=""), {HANDLER: f"{module}.function.handler"}
