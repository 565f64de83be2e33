"""The command line of `up`.

Public: `Options`, `PORT_BASE`, `add_arguments`, `parse`, `port_base`.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from shell.operations.up.house import PORTS_MAX

PORT_BASE = 8000
DESCRIPTION = "Start every house of this repository, wait until each answers, and keep them running until Ctrl-C."
EXAMPLES = f"""\
examples:
  uv run manage.py up                            everything; the lobby at http://localhost:{PORT_BASE}
  uv run manage.py up --port-base 9000           a second copy beside it, with data of its own
  uv run manage.py up --fresh                    forget the kept data first
  uv run manage.py up --without wallet           leave a part out and look at the page
  uv run manage.py up --only shell bff-queries   these and the embedded Valkey
  uv run manage.py up --server daphne            serve the houses by daphne
  uv run manage.py up --drills                   with a fault proxy on every hop, and a console to break them
  uv run manage.py up --gallery                  with every fragment in every state at /gallery/
  uv run manage.py up --admin                    with Django's admin for operators, a process of its own
  uv run manage.py up --functions wallet,promotions,live-dealer,games
                                                 fragments as functions, on a platform like AWS Lambda's
  KAFKA_BOOTSTRAP=kafka:9092 uv run manage.py up --broker kafka
                                                 events between the houses go over that Kafka
  REDIS_URL=redis://cache:6379/0 uv run manage.py up

while it runs:
  touch .mullion/{PORT_BASE}/disabled/wallet            end a process and keep it down; rm the file to let it start

environment:
  REDIS_URL            use this Redis or Valkey, not the embedded one
  KAFKA_BOOTSTRAP      host:port[,host:port] of a Kafka, for --broker kafka
  KAFKA_ADVERTISED     host:port on this machine that this Kafka advertises, where --drills puts its fault proxy
  DATABASE_URL         the command database (default: SQLite in the data folder)
  SHELL_DATABASE_URL   the shell's database (default: SQLite in the data folder)
  MULLION_DATA_ROOT    where data folders are kept, one for each port base (default: .mullion)
  NO_COLOR             plain log lines
"""


@dataclass(frozen=True, slots=True)
class Options:
    port_base: int = PORT_BASE
    fresh: bool = False
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    server: Literal["uvicorn", "daphne"] = "uvicorn"
    broker: Literal["", "streams", "kafka"] = ""
    drills: bool = False
    functions: tuple[str, ...] = ()
    gallery: bool = False
    admin: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = DESCRIPTION
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--port-base",
        type=port_base,
        default=PORT_BASE,
        metavar="N",
        help=f"the shell's port; every other process has a fixed offset from it (default: {PORT_BASE})",
    )
    parser.add_argument(
        "--fresh", action="store_true", help="forget the data that earlier runs kept for this port base"
    )
    parser.add_argument(
        "--only", nargs="+", action="extend", default=[], metavar="NAME", help="start these processes or houses"
    )
    parser.add_argument(
        "--without",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME",
        help="start all but these processes or houses",
    )
    parser.add_argument("--server", choices=["uvicorn", "daphne"], default="uvicorn", help="what serves the ASGI apps")
    parser.add_argument(
        "--broker",
        choices=["streams", "kafka"],
        default="",
        help="what events travel on: Streams of the Redis or Valkey, or the Kafka at KAFKA_BOOTSTRAP "
        "(default: as BROKER_URL and KAFKA_BOOTSTRAP say, else Streams)",
    )
    parser.add_argument(
        "--drills",
        action="store_true",
        help="put a fault proxy on every hop between browser, houses, Valkey and PostgreSQL, for manage.py drill",
    )
    parser.add_argument(
        "--gallery",
        action="store_true",
        help="every fragment here in every state on one wall, at /gallery/; for development",
    )
    parser.add_argument(
        "--admin",
        action="store_true",
        help="Django's admin for operators over the shell's database, on a port of its own",
    )
    parser.add_argument(
        "--functions",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME",
        help="run these fragments as functions: an environment a request, none while nobody asks",
    )


def parse(argv: Sequence[str]) -> Options:
    """The options in `argv`; argparse ends the program with a sentence and code 2 when they make no sense."""
    parser = argparse.ArgumentParser(prog="manage.py up", allow_abbrev=False)
    add_arguments(parser)
    found = parser.parse_args(argv)
    return Options(
        found.port_base,
        found.fresh,
        tuple(found.only),
        tuple(found.without),
        found.server,
        found.broker,
        found.drills,
        tuple(name for names in found.functions for name in names.split(",") if name),
        found.gallery,
        found.admin,
    )


def port_base(text: str) -> int:
    """For argparse: a port that leaves room for all offsets above it."""
    highest = 65535 - PORTS_MAX
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= highest:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1 to {highest}")
    return int(text)
