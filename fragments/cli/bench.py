"""The verbs that need a shell with fixtures on this machine: they are in the bench, a separate wheel.

Public: `bench_verb`, `NoBench`, `VERBS`.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points

GROUP = "mullion.fragment"
VERBS = frozenset({"dev", "check"})
Verb = Callable[[Sequence[str]], int]


class NoBench(Exception):
    """The verb needs the bench, which is not installed; the message says what to install."""


def bench_verb(argv: Sequence[str], environ: Mapping[str, str]) -> Verb | None:
    """The function that runs `argv` on this machine, None where a shell is to be called; raises `NoBench`.

    `check` goes by the shell that MULLION_URL names; without one it is the bench's.
    """
    verb = argv[0] if argv else ""
    if verb not in VERBS or (verb == "check" and environ.get("MULLION_URL")):
        return None
    found = list(entry_points(group=GROUP, name=verb))
    if found:
        run: Verb = found[0].load()
        return run
    if verb == "check":
        return None
    raise NoBench("it needs the bench, which is a wheel of its own: install mullion-bench beside mullion-cli.")
