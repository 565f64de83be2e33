"""The verbs of `manage.py drill` that list, run, report and stop drills: list, run, try, all, report, stop.

Public: `main`, `shown`. Their arguments are in `verbs.py`, for commands that run no drill: this module takes half a
second to import.
"""

import argparse
import asyncio
import difflib
import fnmatch
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import yaml

from shell.operations.up.cli import data_root
from tests.drills.control import CanNotRun, Control, ControlRefused
from tests.drills.kit.drill import Drill, Expect, SiblingExpectation, SlotExpectation, Step
from tests.drills.kit.loader import load
from tests.drills.phrases import broken, duration
from tests.drills.proxy.toxic import TTL_S_MAX, fault_of
from tests.drills.report import cli as reporting
from tests.drills.report import write
from tests.drills.report.runs import CanNotRead
from tests.drills.run_record import RunRecord
from tests.drills.runner import batches, catalogue, guard, hop_effects, library, lock, resume, session, target
from tests.drills.runner.library import Named
from tests.drills.runner.session import Options, Run
from tests.drills.runner.target import Target
from tests.drills.verdict import EXIT_CODES, HELD, worst

SUBSET = ("browser:shell/status", "shell:wallet/latency", "shell:promotions/status", "ingest:sandbox-games/down",
          "shell:live-dealer/reset_peer", "promotions:bff-queries/malformed", "wallet:bff-queries/timeout",
          "ingest:sandbox-promotions/error_page", "bff-live:valkey/latency", "shell:wallet/down",
          "ingest:sandbox-tables/down", "browser:bff-live/down")  # fmt: skip


def main(given: argparse.Namespace, command: str) -> int:
    """Carries out one of them; the exit code. Its errors are printed by `cli.main`."""
    return _VERBS[given.verb](given, command)


def shown(name: str) -> str:
    """A drill as YAML, as its file would be."""
    drill = library.find(name).drill
    plain = msgspec.to_builtins(drill, order="deterministic")
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100).rstrip()


def _list(given: argparse.Namespace, _command: str) -> int:
    stories = {name: load(file) for name, file in library.stories().items()}
    rows = [(name, drill.title) for name, drill in stories.items()]
    if given.all:
        with Control(_target(given, "", given.control_url).control_url) as control:
            rows += [(cell.drill, "") for cell in catalogue.cells(control.hops(), {}) if cell.drill]
    width = max(len(name) for name, _ in rows)
    print("\n".join(f"{name.ljust(width)}  {title}".rstrip() for name, title in rows))
    if not given.all:
        print("\nAnd a drill for each hop and fault, such as shell:wallet/timeout: manage.py drill list --all")
    return HELD


def _run(given: argparse.Namespace, command: str) -> int:
    named = [library.find(word) for word in given.drills]
    if any(catalogue.is_cell(each.name) for each in named):
        with Control(_target(given, given.base_url, given.control_url).control_url) as control:
            elsewhere = catalogue.events_elsewhere(control.hops())
        named = [library.find(word, elsewhere) for word in given.drills]
    named = [_scoped(each, given.scope) for each in named]
    return _carry_out(named, given, command, Options(frozenset() if given.http else None, given.headed))


def _try(given: argparse.Namespace, command: str) -> int:
    hop = given.hop.replace("->", ":")
    hop = hop if ":" in hop else f"shell:{hop}"
    first, *rest = given.attributes
    fault, _, value = first.partition("=")
    pairs = [*([first] if value else []), *rest]
    if not all("=" in pair for pair in pairs):
        raise ControlRefused(f"{' '.join(pairs)!r} is not KEY=VALUE, such as latency=3000")
    parameters: dict[str, int | str] = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        parameters[name] = int(text) if text.lstrip("-").isdecimal() else text
    fault_of(fault)
    if not 0 < given.for_s <= TTL_S_MAX:
        raise ControlRefused(f"--for: seconds, more than 0 and at most {TTL_S_MAX:g}")
    effect = hop_effects.HOPS.get(hop)
    if effect is None:
        near = difflib.get_close_matches(hop, hop_effects.HOPS, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ControlRefused(f"There is no hop '{hop}'.{hint} All of them: manage.py drill hops")
    drill = Drill(
        title=f"{broken(hop, fault, parameters)} for {duration(given.for_s * 1000)}"[:120],
        tags=["try"],
        player=catalogue.PLAYER,
        scope=given.scope or "everyone",
        method=[Step(hop=hop, fault=fault, parameters=parameters, for_s=given.for_s)],
        expect=Expect(
            slots={slot: SlotExpectation(state=[*catalogue.MAYBE]) for slot in effect.slots},
            siblings={slot: SiblingExpectation() for slot in hop_effects.SLOTS if slot not in effect.slots},
        ),
    )
    return _carry_out([Named("try", drill)], given, command, Options(frozenset() if given.http else None, given.headed))


def _all(given: argparse.Namespace, command: str) -> int:
    chosen = _target(given, given.base_url, given.control_url)
    before = resume.before(given.resume, chosen.base_url) if given.resume else None
    done = {each.name for each in before.drills} if before else set()
    stories, cells, elsewhere = _catalogue(given, chosen)
    stories, cells = [each for each in stories if each.name not in done], [each for each in cells if each not in done]
    if before and not stories and not cells:
        raise ControlRefused(f"--resume: nothing of that is left to run: manage.py drill report {given.resume}")
    if given.full:
        everything = [*stories, *(library.find(name, elsewhere) for name in cells)]
        return _carry_out(everything, given, command, Options(None, given.headed), before=before)
    looked_at = [] if given.subset else catalogue.looked_at(cells, elsewhere)
    watched = frozenset() if given.http else frozenset({*(each.name for each in stories), *looked_at})
    return _carry_out(stories, given, command, Options(watched, given.headed, elsewhere), cells, before)


def _catalogue(given: argparse.Namespace, chosen: Target) -> tuple[list[Named], list[str], frozenset[str]]:
    """The stories and the names of cells that these arguments choose, and the hops whose events travel elsewhere."""
    with Control(chosen.control_url) as control:
        hops = control.hops()
    cells, elsewhere = (
        [cell.drill for cell in catalogue.cells(hops, {}) if cell.drill],
        catalogue.events_elsewhere(hops),
    )
    every = map(library.find, library.stories())
    stories = [each for each in every if library.has_its_functions(each, chosen.sandbox)]
    if given.hops:
        stories, cells = [], [name for name in cells if fnmatch.fnmatchcase(name.partition("/")[0], given.hops)]
        if not cells:
            raise ControlRefused(f"--hops: no hop is like '{given.hops}': manage.py drill hops")
    if given.subset:
        return [each for each in stories if "quick" in each.drill.tags], [*SUBSET], elsewhere
    return stories, cells, elsewhere


def _carry_out(
    named: Sequence[Named],
    given: argparse.Namespace,
    command: str,
    options: Options,
    cells: Sequence[str] = (),
    before: RunRecord | None = None,
) -> int:
    """Run these against the target that `given` names, and write the report."""
    chosen = _target(given, given.base_url, given.control_url)
    allowed = guard.load(given.environments)
    together = batches.batches(cells, options.browser or (), options.elsewhere)
    drills = [each.drill for each in named] + [each.drill for batch in together for each in batch.drills]
    for drill in drills:
        guard.allow(chosen.base_url, _scopes(drill), drill.lasts_s, allowed)
    folder = given.resume if before else given.to or session.folder_of(data_root())
    began = time.monotonic()
    with lock.locked(data_root(), command):
        record = asyncio.run(Run(chosen, folder, command, _say, options, before).all(named, together))
    _report(folder)
    _summary(record, time.monotonic() - began)
    return EXIT_CODES[worst(drill.verdict for drill in record.drills)]


def _target(given: argparse.Namespace, base_url: str, control_url: str) -> Target:
    return target.remote(base_url, control_url) if base_url else target.local(data_root(), given.port_base)


def _rewrite(given: argparse.Namespace, _command: str) -> int:
    try:
        _say(reporting.main(given, data_root()))
    except CanNotRead as problem:
        raise CanNotRun(str(problem)) from problem
    return HELD


def _report(folder: Path) -> None:
    try:
        written = write.write_report([folder])
    except CanNotRead as problem:
        raise CanNotRun(str(problem)) from problem
    _say(f"{written.report.verdict}: {written.report.sentence}\nReport: {written.html}\nJUnit:  {written.junit}")


def _stop(_given: argparse.Namespace, _command: str) -> int:
    print(lock.halt(data_root()))
    return HELD


_VERBS: dict[str, Callable[[argparse.Namespace, str], int]] = {
    "list": _list,
    "run": _run,
    "try": _try,
    "all": _all,
    "report": _rewrite,
    "stop": _stop,
}


def _scoped(named: Named, scope: str) -> Named:
    return Named(named.name, session.scoped(named.drill, scope))


def _scopes(drill: Drill) -> list[str]:
    return sorted({drill.scope_of(step) for step in drill.method if step.act is None})


def _say(words: str) -> None:
    print(words, flush=True)


def _summary(record: RunRecord, took_s: float) -> None:
    counts = {verdict: sum(drill.verdict == verdict for drill in record.drills) for verdict in EXIT_CODES}
    came_to = " · ".join(f"{count} {verdict.value.replace('_', ' ')}" for verdict, count in counts.items() if count)
    _say(f"{came_to or 'nothing was run'}, in {took_s // 60:.0f} min {took_s % 60:.0f} s")
    if not record.cells:
        return
    ran = {drill.name for drill in record.drills}
    covered = [cell for cell in record.cells if cell.drill]
    left = sum(cell.drill not in ran for cell in covered)
    _say(
        f"The matrix has {len(covered)} cells to which a fault applies, {len(covered) - left} of them with a verdict, "
        f"and {len(record.cells) - len(covered)} others with the reason why none does."
    )
