"""What a number of concurrent players needs: processes, cores, memory, partitions, connections, bandwidth, money.

uv run python -m tests.benchmarks.capacity                          a million players
uv run python -m tests.benchmarks.capacity --players 50000 --set commands_per_min=6 --price core=18
uv run python -m tests.benchmarks.capacity --markdown               as tables of a page

What stands behind it: shell/operations/deploy/CAPACITY.md. Costs come from `figures.json` beside this file, which
benchmarks write: FIGURES_FILE=tests/benchmarks/figures.json uv run python -m tests.benchmarks.bench_chain (and
bench_engines, bench_live). How players behave and what machines cost are assumptions with names; `--set` and `--price`
change them. How busy processes may be is simulated (`queueing.py`).
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TypeVar

from tests.benchmarks.capacity_model import Behaviour, Plan, Prices, plan

T = TypeVar("T", Behaviour, Prices)
FIGURES = Path(__file__).with_name("figures.json")


def _changed(of: T, changes: Sequence[str], option: str) -> T:
    names = {field.name for field in fields(of)}
    for change in changes:
        name, _, value = change.partition("=")
        try:
            if name not in names:
                raise ValueError(f"there is no {name}: {', '.join(sorted(names))}")
            of = replace(of, **{name: float(value)})
        except ValueError as error:
            sys.exit(f"{option} {change}: {error}")
    return of


@dataclass(frozen=True)
class Table:
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]

    def markdown(self) -> str:
        lines = [self.head, tuple("---" for _ in self.head), *self.rows]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)

    def text(self) -> str:
        widths = [max(len(line[at]) for line in (self.head, *self.rows)) for at in range(len(self.head))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in (self.head, *self.rows)
        )


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def tables(plan: Plan) -> list[tuple[str, Table]]:
    processes = [
        (
            part.name,
            number(part.per_s),
            f"{part.unit_ms:.2f}",
            number(part.busy_cores),
            str(part.processes),
            number(part.memory_gib),
        )
        for part in plan.parts
    ]
    stores = [(need.name, need.amount, need.why) for need in plan.needs]
    limits = [(number(limit.players), limit.what, limit.then) for limit in plan.limits]
    money = [(name, f"{amount:,.0f}") for name, amount in plan.money.items()]
    return [
        ("Processes", Table(("process", "calls/s", "ms of CPU a call", "cores busy", "processes", "GiB"), processes)),
        ("Stores and lines", Table(("what", "how much", "from"), stores)),
        ("What breaks first", Table(("players", "what", "what to do then"), limits)),
        ("Money a month", Table(("what", "amount"), money)),
    ]


def printed(plan: Plan, *, markdown: bool) -> str:
    """All tables, as text or as those of a page."""
    if markdown:
        return "\n".join(f"### {title}\n\n{table.markdown()}\n" for title, table in tables(plan))
    return "\n".join(f"{title}\n{table.text()}\n" for title, table in tables(plan))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--players", type=int, default=1_000_000)
    parser.add_argument("--figures", type=Path, default=FIGURES)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="of how players behave")
    parser.add_argument("--price", action="append", default=[], metavar="NAME=VALUE", help="of a month")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    behaviour = _changed(Behaviour(), options.set, "--set")
    prices = _changed(Prices(), options.price, "--price")
    try:
        figures = json.loads(options.figures.read_text("utf-8"))
        found = plan(options.players, figures, behaviour, prices)
    except (OSError, ValueError, KeyError) as error:
        sys.exit(
            f"{options.figures} does not do ({type(error).__name__}: {error}). Run bench_chain, bench_engines and "
            "bench_live with FIGURES_FILE set to it."
        )
    print(printed(found, markdown=options.markdown))


if __name__ == "__main__":
    main()
