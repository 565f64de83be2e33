"""Prints the bill of a day with a final in it: as functions, beside servers that wait for it.

    python -m bff.sandbox.functions --platform http://127.0.0.1:8020
    python -m bff.sandbox.functions --request-ms 12 --cold-ms 1300

With `--platform` it is made from what a platform of `up --functions` has measured so far.

The prices are examples. Set what you pay, in dollars, under `sandbox-functions-prices` in HOUSE_POLICIES:

    HOUSE_POLICIES='{"sandbox-functions-prices":
        {"million_requests": 0.3, "gb_second": 0.00002, "cpu_hour": 0.05, "gb_hour": 0.006}}'
"""

import argparse
import sys
import urllib.request
from collections.abc import Sequence

import msgspec

from bff.resilience.policies import house_policy
from bff.sandbox.functions.day import DayBill, DayPolicy, Measured, PricePolicy, bill_of
from bff.sandbox.functions.policy import FUNCTIONS

ANSWER_S = 5


class Figures(msgspec.Struct):
    """What a platform says of itself at `/control/bill`."""

    requests: int
    request_ms: float
    cold_ms: float


def main(arguments: Sequence[str]) -> str:
    """The bill as text; ends the process with a sentence where it can not be made."""
    parser = argparse.ArgumentParser(
        prog="python -m bff.sandbox.functions",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--platform", metavar="URL", help="a platform of up --functions, which has served requests")
    parser.add_argument("--request-ms", type=float, default=12.0, help="what a warm request takes")
    parser.add_argument("--cold-ms", type=float, default=1300.0, help="what a start takes")
    parser.add_argument("--cpu-ms", type=float, default=1.0, help="what a server's CPU works for a request")
    given = parser.parse_args(arguments)
    request_ms, cold_ms = given.request_ms, given.cold_ms
    if given.platform:
        figures = _figures(given.platform)
        request_ms, cold_ms = figures.request_ms, figures.cold_ms
    if min(request_ms, cold_ms, given.cpu_ms) <= 0:
        sys.exit("Milliseconds have to be more than 0. Nothing was computed.")
    measured = Measured(request_ms, cold_ms, given.cpu_ms, FUNCTIONS.memory_mb, FUNCTIONS.idle_s)
    day = house_policy("sandbox-functions-day", DayPolicy())
    prices = house_policy("sandbox-functions-prices", PricePolicy())
    return _printed(measured, day, bill_of(measured, day, prices))


def _figures(platform: str) -> Figures:
    url = f"{platform.rstrip('/')}/control/bill"
    if not url.startswith(("http://", "https://")):
        sys.exit(f"{platform[:100]!r} is no address; write http://127.0.0.1:8020.")
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_S) as answer:  # noqa: S310  the scheme is checked
            figures = msgspec.json.decode(answer.read(), type=Figures)
    except (OSError, msgspec.MsgspecError) as error:
        sys.exit(f"{url} says no bill ({error}). Start one with manage.py up --functions wallet.")
    if not figures.requests:
        sys.exit(f"{url} has served no request yet. Open a page first.")
    return figures


def _printed(measured: Measured, day: DayPolicy, bill: DayBill) -> str:
    rows = (
        ("", "functions", "servers that wait"),
        ("requests", f"{bill.requests:,}", "the same"),
        ("milliseconds billed", f"{bill.billed_ms:,}", "-"),
        ("GB-seconds", f"{bill.gb_seconds:,.0f}", f"{bill.servers_gb_seconds:,.0f}"),
        ("at most at once", f"{bill.environments_max:,} environments", f"{bill.servers:,} of one CPU"),
        ("cold starts", f"{bill.cold_starts:,}", "-"),
        ("busy", "100 %, else not paid", f"{bill.busy_share:.1%}"),
        ("US dollars a day", f"{bill.functions_usd:,.2f}", f"{bill.servers_usd:,.2f}"),
    )
    table = "\n".join(f"{name:<20}  {ours:>22}  {theirs:>20}" for name, ours, theirs in rows)
    return (
        f"One fragment, a day with a final at {day.final_h:g} h: {day.night_rps:g} requests a second at night, "
        f"{day.evening_rps:g} in the evening, {day.final_rps:,.0f} more in the final.\n"
        f"A warm request takes {measured.request_ms:.1f} ms, a start {measured.cold_ms:,.0f} ms, at "
        f"{measured.memory_mb} MB; a server works {measured.cpu_ms:g} ms for a request.\n\n{table}\n\n"
        "The prices are examples: set what you pay under sandbox-functions-prices in HOUSE_POLICIES, as --help shows."
    )


if __name__ == "__main__":
    print(main(sys.argv[1:]))
