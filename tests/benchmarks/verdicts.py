"""Prints figures beside their requirements. A process that missed any prints these again at the end and exits with 1.

Public: `at_most`, `at_least`, `figure`, `leave`.
"""

import json
import os
import sys
from pathlib import Path

_missed: list[str] = []


def at_most(label: str, value: float, unit: str, required: float) -> None:
    """Prints whether `value` is no more than `required`."""
    _say(label, value, unit, f"at most {required:g}", met=value <= required)


def at_least(label: str, value: float, unit: str, required: float) -> None:
    """Prints whether `value` is no less than `required`."""
    _say(label, value, unit, f"at least {required:g}", met=value >= required)


def figure(name: str, value: float, unit: str) -> None:
    """Prints a figure without a requirement, and writes it to the file that FIGURES_FILE names, if any.

    `tests/benchmarks/capacity.py` reads that file: `{name: value}`, the last run's value of each name.
    """
    print(f"{name:62}{value:9.3f} {unit}", flush=True)
    if path := os.environ.get("FIGURES_FILE"):
        file = Path(path)
        figures = json.loads(file.read_text("utf-8")) if file.exists() else {}
        file.write_text(json.dumps({**figures, name: round(value, 4)}, indent=2, sort_keys=True) + "\n", "utf-8")


def leave() -> None:
    """Ends the process: 0 if all requirements were met (a figure that is not a number meets none), else 1."""
    if _missed:
        print(f"missed: {len(_missed)}", *_missed, sep="\n  ", flush=True)
    sys.exit(bool(_missed))


def _say(label: str, value: float, unit: str, required: str, *, met: bool) -> None:
    print(f"{label:62}{value:9.3f} {unit:3} asked {required:14} {'met' if met else 'MISSED'}", flush=True)
    if not met:
        _missed.append(label)
