"""The workbench's own pages as HTML.

Public: `workbench`, `gallery`.
"""

from collections.abc import Mapping
from dataclasses import replace

from django.template.loader import render_to_string

from shell.operations.workbench.bench import Bench
from shell.operations.workbench.choice import Choice, Option, frame_of, groups_of
from shell.operations.workbench.states import THEMES, WIDTHS_PX, BenchState


async def workbench(choice: Choice, benches: Mapping[str, Bench], generation: int) -> bytes:
    """One frame, the switches around it, and in a line what the slot says of itself."""
    bench = benches[choice.fragment]
    shown = await bench.show(choice.cell)
    looks = [look.where for look in bench.looks]
    context = {
        "choice": choice,
        "generation": generation,
        "ways": _view_options("/"),
        "groups": groups_of(choice, list(benches), looks),
        "frame": frame_of(choice),
        "problem": bench.problem or ("" if shown else "There is no such slot."),
        "seen": _seen(shown[1].state, shown[1].reason, shown[1].ms) if shown else "",
    }
    return render_to_string("workbench.html", context).encode()


def gallery(benches: Mapping[str, Bench], generation: int) -> bytes:
    """Every slot of every fragment: a row for each state, and for right to left; a frame for each width and theme."""
    walls = []
    for name, bench in benches.items():
        for number, look in enumerate(bench.looks):
            first = Choice(name, number, scripts=False)
            rows = [(state.words, replace(first, state=state)) for state in BenchState]
            rows.append(("right to left", replace(first, direction="rtl")))
            rows.append(("signed out", replace(first, signed_in=False)))
            walls.append({"words": f"{name}, {look.where}", "rows": [_row(*row) for row in rows]})
    problems = [f"{bench.folder.name}: {bench.problem}" for bench in benches.values() if bench.problem]
    context = {"generation": generation, "ways": _view_options("/gallery/"), "walls": walls, "problems": problems}
    return render_to_string("gallery.html", context).encode()


def _row(words: str, choice: Choice) -> dict[str, object]:
    frames = [frame_of(replace(choice, width=width, theme=theme)) for theme in THEMES for width in WIDTHS_PX]
    return {"words": words, "frames": frames}


def _view_options(current: str) -> list[Option]:
    return [Option(words, href, href == current) for words, href in (("One state", "/"), ("Gallery", "/gallery/"))]


def _seen(state: object, reason: object, ms: int) -> str:
    return f"A page shows it {state}{f' ({reason})' if reason else ''}, after {ms} ms."
