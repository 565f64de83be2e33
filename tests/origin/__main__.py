"""An origin that can be broken, from the command line."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from tests.origin.control import Control
from tests.origin.faults import FAULTS, parse
from tests.origin.server import BODY, Origin

EXAMPLES = """examples:
  python -m tests.origin --port 9000 --fault short-body
  python -m tests.origin --port 9000 --fault slow=3000 --at /style.css
  python -m tests.origin --port 9000 --control 9001      then, from elsewhere:
  curl -X PUT    localhost:9001/fault -d status=503
  curl -X DELETE localhost:9001/fault

faults:
"""


def main() -> int:
    arguments = _parser().parse_args()
    try:
        asyncio.run(_serve(arguments))
    except OSError as error:
        print(f"cannot listen: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(arguments: argparse.Namespace) -> None:
    body = arguments.body.read_bytes() if arguments.body else BODY
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Origin(port=arguments.port, body=body, tls=arguments.tls) as origin:
        if arguments.fault:
            await origin.fail(arguments.fault, arguments.at)
        async with Control(origin, port=arguments.control) as control:
            print(f"origin   {origin.url}  {arguments.fault or 'healthy'}", flush=True)
            print(f"control  {control.url}", flush=True)
            await stop.wait()


def _parser() -> argparse.ArgumentParser:
    faults = "\n".join(f"  {_usage(name)}\n      {each.claim}" for name, each in FAULTS.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.origin",
        description="A fragment's origin that can be broken in every named way.",
        epilog=EXAMPLES + faults,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="where it answers (default: a free port, printed)")
    parser.add_argument("--control", type=int, default=0, help="where its switches are (default: a free port, printed)")
    parser.add_argument("--fault", type=_fault_name, help="what is broken from the start; healthy without")
    parser.add_argument("--at", default="/", help="only for paths that start so (default: all)")
    parser.add_argument("--body", type=Path, help="a file with the healthy content")
    parser.add_argument(
        "--tls", action="store_true", help="speak TLS, with a certificate for localhost of its own making"
    )
    return parser


def _fault_name(text: str) -> str:
    try:
        parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def _usage(name: str) -> str:
    each = FAULTS[name]
    if each.arguments:
        return f"{name}={'|'.join(each.arguments)}"
    return f"{name}={each.default}" if each.default else name


if __name__ == "__main__":
    sys.exit(main())
