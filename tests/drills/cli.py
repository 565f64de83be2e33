"""`manage.py drill`, from the command line to the exit code.

Public: `main`.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bff.contracts.partition import PartitionRefused
from shell.operations.up.cli import data_root
from shell.operations.up.options import port_base
from tests.drills import tell
from tests.drills.control import CanNotRun, Control, ControlRefused, find, key_here
from tests.drills.mark import mint
from tests.drills.proxy.faults import FAULTS
from tests.drills.proxy.problems import ApiProblem
from tests.drills.proxy.toxic import TTL_S, TTL_S_MAX, fault_of

DONE, NONSENSE, CAN_NOT_RUN = 0, 2, 3
DESCRIPTION = "Break any hop of a Mullion that was started with manage.py up --drills, by name, and heal it."
EPILOG = f"""\
examples:
  uv run manage.py drill break shell:promotions latency latency=3000 --for 30
  uv run manage.py drill break bff-queries:valkey down --for 10
  uv run manage.py drill break shell:wallet status status=502 --share 0.5
  MARK=$(uv run manage.py drill mark --name anna)
  uv run manage.py drill break shell:wallet latency latency=3000 --session "$MARK"
  uv run manage.py drill show
  uv run manage.py drill heal

Every fault heals by itself, in the fault proxy: after {TTL_S:g} s where --for names no other time. A hop is written
caller:called, or caller->called in quotes.

exit codes:
  0  done
  2  what was asked makes no sense: an unknown hop or fault, a value out of bounds
  3  it could not run: no copy runs here, it runs without drills, or its fault proxy does not answer
"""


def main(argv: Sequence[str]) -> int:
    """Does one thing and says what it did; the exit code."""
    asked = _parse(argv)
    try:
        if asked.verb == "faults":
            print(tell.faults(FAULTS.values()))
            return DONE
        if asked.verb == "mark":
            return _mark(asked)
        with Control(asked.control_url or find(data_root(), asked.port_base)) as control:
            print(_VERBS[asked.verb](control, asked))
        return DONE
    except ControlRefused as refused:
        return _refuse(str(refused), NONSENSE)
    except PartitionRefused as refused:
        return _refuse(f"--name: {refused}", NONSENSE)
    except ApiProblem as refused:
        return _refuse(str(refused).removeprefix("invalid toxic type: "), NONSENSE)
    except CanNotRun as problem:
        return _refuse(str(problem), CAN_NOT_RUN)
    except BrokenPipeError:
        # Whoever reads has seen enough; Python's own end must not complain about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--port-base", type=port_base, metavar="N", help="the copy that is meant, where several run")
    where.add_argument("--control-url", default="", metavar="URL", help="a fault proxy that runs elsewhere")
    parser = argparse.ArgumentParser(
        prog="manage.py drill",
        allow_abbrev=False,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("list", parents=[where], help="every hop with the faults that apply to it")
    verbs.add_parser("hops", parents=[where], help="every hop, what travels over it and how it is")
    verbs.add_parser("faults", help="every fault and its parameters")
    broken = verbs.add_parser("break", parents=[where], help="break a hop")
    broken.add_argument("hop", metavar="HOP")
    broken.add_argument("fault", metavar="FAULT")
    broken.add_argument("attributes", nargs="*", metavar="KEY=VALUE")
    broken.add_argument("--for", dest="for_s", type=float, default=TTL_S, metavar="S", help=f"at most {TTL_S_MAX:g}")
    broken.add_argument(
        "--share", type=float, default=1, metavar="0..1", help="hit only so many connections or requests"
    )
    broken.add_argument("--session", default="", metavar="MARK", help="hit only who carries this mark in baggage")
    broken.add_argument("--upstream", action="store_true", help="on the way to who is called, not back from there")
    healed = verbs.add_parser("heal", parents=[where], help="heal a hop, or everything")
    healed.add_argument("hop", metavar="HOP", nargs="?", default="")
    marked = verbs.add_parser("mark", parents=[where], help="mint a mark for one browser session")
    marked.add_argument("--name", default="", metavar="NAME", help="whose it is, as logs say it; else one of chance")
    verbs.add_parser("show", parents=[where], help="what is broken, for whom and for how long")
    return parser.parse_args(argv)


def _break(control: Control, asked: argparse.Namespace) -> str:
    fault = fault_of(asked.fault)
    if not 0 < asked.for_s <= TTL_S_MAX:
        raise ControlRefused(f"--for: seconds, more than 0 and at most {TTL_S_MAX:g}")
    if not 0 <= asked.share <= 1:
        raise ControlRefused("--share: a number from 0 to 1")
    attributes = _attributes(asked.attributes)
    if not attributes:
        attributes = {each.name: each.typical for each in fault.parameters if each.typical is not None}
    done = control.break_(
        asked.hop,
        asked.fault,
        attributes,
        ttl_s=asked.for_s,
        stream="upstream" if asked.upstream else "",
        share=asked.share,
        session=asked.session,
    )
    return tell.broken(control.hop(asked.hop)["name"], done)


def _attributes(pairs: Sequence[str]) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {}
    for pair in pairs:
        name, is_pair, value = pair.partition("=")
        if not (name and is_pair):
            raise ControlRefused(f"{pair!r} is no KEY=VALUE, such as latency=3000")
        attributes[name] = int(value) if value.lstrip("-").isdecimal() else value
    return attributes


def _mark(asked: argparse.Namespace) -> int:
    value = mint(key_here(data_root(), asked.port_base), asked.name)
    # The value alone on stdout, for a script; what to do with it beside it, for a person.
    print(value, flush=True)
    print(tell.marked(value), file=sys.stderr)
    return DONE


def _heal(control: Control, asked: argparse.Namespace) -> str:
    return tell.healed(control.heal(asked.hop))


_VERBS: Mapping[str, Callable[[Control, Any], str]] = {
    "list": lambda control, _: tell.applicable(control.hops(), FAULTS.values()),
    "hops": lambda control, _: tell.hops(control.hops(), control.absent()),
    "break": _break,
    "heal": _heal,
    "show": lambda control, _: tell.shown(control.hops()),
}


def _refuse(sentence: str, code: int) -> int:
    print(f"manage.py drill: {sentence}", file=sys.stderr)
    return code
