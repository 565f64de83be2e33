"""10,000 commands of 20 players at once, while engine, relay and projector are killed 120 times.

Run: `uv run python -m tests.benchmarks.soak_kills [--commands N] [--workers N] [--kills N] [--partitions N]` (about
five minutes, over SQLite). With more than one partition two projectors share them and a second relay stands by. Every
command counts once, sums are zero, and the read side says what the ledger says; exits with 1 otherwise.
"""

import argparse
import sys
import traceback

from tests.bff.projector.test_kills import Run, kill_run


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--commands", type=int, default=10_000)
    options.add_argument("--workers", type=int, default=20)
    options.add_argument("--kills", type=int, default=120)
    options.add_argument("--partitions", type=int, default=1)
    arguments = options.parse_args()
    try:
        kill_run(Run(arguments.commands, arguments.workers, arguments.kills, arguments.partitions))
    except AssertionError:
        traceback.print_exc()
        sys.exit(1)
    print("every command counted once, the books are sound, and the read side says what the ledger says")


if __name__ == "__main__":
    main()
