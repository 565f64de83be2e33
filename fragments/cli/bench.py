"""The verbs that need a shell of fixtures on this machine: those of the bench, a wheel of its own beside this one.

Public: `bench_verb`, `NoBench`, `VERBS`.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points

GROUP = "mullion.fragment"
VERBS = frozenset({"dev", "check"})
Verb = Callable[[Sequence[str]], int]


class NoBench(Exception):
    """A verb of the bench where that is not installed; the sentence says what to install."""


def bench_verb(argv: Sequence[str], environ: Mapping[str, str]) -> Verb | None:
    """What runs `argv` on this machine, None where a shell is to be asked; raises `NoBench`.

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
