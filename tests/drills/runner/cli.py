"""The verbs of `manage.py drill` that run drills: list, run, stop.

Public: `VERBS`, `add_verbs`, `main`.
"""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

from shell.operations.up.cli import data_root
from tests.drills.kit.drill import SCOPES, Drill
from tests.drills.kit.loader import load
from tests.drills.runner import guard, library, lock, session, target
from tests.drills.runner.library import Named
from tests.drills.verdict import EXIT_CODES, HELD, worst

VERBS = ("list", "run", "stop")


def add_verbs(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", where: argparse.ArgumentParser) -> None:
    """Their own arguments; `where` holds those that say which copy is meant."""
    verbs.add_parser("list", help="every drill that ships")
    run = verbs.add_parser("run", parents=[where], help="run drills, by name or from files")
    run.add_argument("drills", nargs="+", metavar="FILE|NAME")
    add_run_options(run)
    verbs.add_parser("stop", help="the halt button: end the drill that runs, healed")


def add_run_options(run: argparse.ArgumentParser) -> None:
    run.add_argument(
        "--base-url", default="", metavar="URL", help="the address that players use, if not on this machine"
    )
    run.add_argument("--scope", choices=SCOPES, default="", help="whom the faults hit, in place of what the file says")
    run.add_argument("--environments", type=Path, default=guard.FILE, metavar="FILE", help="which may be drilled")
    run.add_argument("--to", type=Path, default=None, metavar="FOLDER", help="where journals and report go")


def main(given: argparse.Namespace, command: str) -> int:
    """Does one of them; the exit code. Raises what `cli.main` says in a sentence."""
    if given.verb == "list":
        print(_listed())
        return HELD
    if given.verb == "stop":
        print(lock.halt(data_root()))
        return HELD
    named = [_scoped(library.find(word), given.scope) for word in given.drills]
    return run(named, given, command)


def run(named: Sequence[Named], given: argparse.Namespace, command: str) -> int:
    """Run these against the target that `given` names."""
    chosen = (
        target.remote(given.base_url, given.control_url)
        if given.base_url
        else target.local(data_root(), given.port_base)
    )
    allowed = guard.load(given.environments)
    for each in named:
        guard.allow(chosen.base_url, _scopes(each.drill), each.drill.lasts_s, allowed)
    folder = given.to or session.folder_of(data_root())
    with lock.locked(data_root(), command):
        record = asyncio.run(session.Run(chosen, folder, command, say=_say).drills(named))
    print(f"{len(record.drills)} drills. Journals: {folder}")
    return EXIT_CODES[worst(drill.verdict for drill in record.drills)]


def _scoped(named: Named, scope: str) -> Named:
    return Named(named.name, session.scoped(named.drill, scope))


def _scopes(drill: Drill) -> list[str]:
    return sorted({drill.scope_of(step) for step in drill.method if step.act is None})


def _say(words: str) -> None:
    print(words, flush=True)


def _listed() -> str:
    stories = {name: load(file) for name, file in library.stories().items()}
    width = max(map(len, stories), default=0)
    return "\n".join(f"{name.ljust(width)}  {drill.title}" for name, drill in stories.items())
