"""100,000 pages of two players and a visitor, with faults and browsers that leave: not one byte in another's page.

Run: `uv run python -m tests.benchmarks.soak_players [--pages N] [--audience shared]`. Exits with 1 if a page had bytes
of another visitor.
"""

import argparse
import asyncio
import logging
import os
import sys
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.support.settings")

import django

django.setup()

from bff.resilience import log  # noqa: E402  (after Django's set-up)
from tests.support.interleaved import interleave  # noqa: E402  (after Django's set-up)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--pages", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--audience", choices=["player", "shared"], default="player")
    arguments = options.parse_args()
    log.configure(level=logging.ERROR)  # these failures are intended
    began = time.monotonic()
    tally = asyncio.run(interleave(arguments.pages, audience=arguments.audience, seed=arguments.seed))
    print(f"{tally.pages} whole pages and {tally.left} left half-way in {time.monotonic() - began:.0f} s")
    print("slots:", ", ".join(f"{count} {state}" for state, count in tally.states.items()))
    print(f"pages that held another's bytes: {len(tally.foreign)}", *tally.foreign[:20], sep="\n")
    sys.exit(bool(tally.foreign))


if __name__ == "__main__":
    main()
