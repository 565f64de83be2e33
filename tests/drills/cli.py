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
from tests.drills import output
from tests.drills.control import CanNotRun, Control, ControlRefused, find, key_here
from tests.drills.kit.loader import DrillFileWrong
from tests.drills.mark import mint
from tests.drills.proxy.faults import FAULTS
from tests.drills.proxy.problems import ApiProblem
from tests.drills.proxy.toxic import TTL_S, TTL_S_MAX, fault_of
from tests.drills.runner import verbs as running
from tests.drills.runner.guard import NotAllowed
from tests.drills.runner.lock import Busy
from tests.drills.verdict import ABORTED, COULD_NOT_RUN, DEVIATED, HELD, MISUSE

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
  uv run manage.py drill list
  uv run manage.py drill run promotions-slow
  uv run manage.py drill try promotions latency=3000 --for 30 --scope session
  uv run manage.py drill stop

Every fault heals by itself, in the fault proxy: after {TTL_S:g} s unless --for says otherwise. A hop is written
caller:called, or caller->called in quotes.

exit codes:
  {HELD}  done; or every drill held: everything that was expected came
  {DEVIATED}  a drill deviated: something that was expected did not come
  {MISUSE}  the command makes no sense: an unknown drill, hop or fault, a mistake in a file, a value out of bounds
  {COULD_NOT_RUN}  it could not run: nothing answers, the system was not steady, another drill runs, the target is not
     listed, or the faults hit nothing
  {ABORTED}  a drill was aborted: by its own conditions, the halt button or Ctrl-C; what it broke is healed
"""


def main(argv: Sequence[str]) -> int:
    """Carries out one command and prints what it did; returns the exit code."""
    arguments = _parse(argv)
    try:
        if arguments.verb == "faults":
            print(output.faults(FAULTS.values()))
            return HELD
        if arguments.verb in running.VERBS or (arguments.verb == "show" and arguments.drill):
            return _of_drills(arguments, " ".join(["drill", *argv]))
        if arguments.verb == "mark":
            return _mark(arguments)
        with Control(arguments.control_url or find(data_root(), arguments.port_base)) as control:
            print(_VERBS[arguments.verb](control, arguments))
        return HELD
    except ControlRefused as refused:
        return _refuse(str(refused), MISUSE)
    except PartitionRefused as refused:
        return _refuse(f"--name: {refused}", MISUSE)
    except ApiProblem as refused:
        return _refuse(str(refused).removeprefix("invalid toxic type: "), MISUSE)
    except DrillFileWrong as refused:
        return _refuse(str(refused), MISUSE)
    except (CanNotRun, NotAllowed, Busy) as problem:
        return _refuse(str(problem), COULD_NOT_RUN)
    except BrokenPipeError:
        # The reader has closed the pipe; Python must not complain about it when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return HELD


def _of_drills(arguments: argparse.Namespace, command: str) -> int:
    """Runs drills, or shows one."""
    # Imported here: browser, report and catalogue take half a second, and to break one hop needs none of them.
    from tests.drills.runner import cli as runner

    if arguments.verb != "show":
        return runner.main(arguments, command)
    print(runner.shown(arguments.drill))
    return HELD


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--port-base", type=port_base, metavar="N", help="which copy, if several run here")
    where.add_argument("--control-url", default="", metavar="URL", help="the API of a fault proxy elsewhere")
    parser = argparse.ArgumentParser(
        prog="manage.py drill",
        allow_abbrev=False,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    running.add_verbs(verbs, where)
    hops = verbs.add_parser(
        "hops", parents=[where], help="list every hop, what travels over it, and whether it is broken"
    )
    hops.add_argument("--faults", action="store_true", help="list the faults that apply to each hop")
    verbs.add_parser("faults", help="list every fault and its parameters")
    broken = verbs.add_parser("break", parents=[where], help="break a hop")
    broken.add_argument("hop", metavar="HOP", help="shell:promotions; all of them: drill hops")
    broken.add_argument("fault", metavar="FAULT", help="latency; all of them: drill faults")
    broken.add_argument(
        "attributes", nargs="*", metavar="KEY=VALUE", help="latency=3000; without any, values that can be felt"
    )
    broken.add_argument(
        "--for",
        dest="for_s",
        type=float,
        default=TTL_S,
        metavar="S",
        help=f"heal after so many seconds: {TTL_S:g} unless you say otherwise, at most {TTL_S_MAX:g}",
    )
    broken.add_argument(
        "--share", type=float, default=1, metavar="0..1", help="hit only this share of connections or requests"
    )
    broken.add_argument("--session", default="", metavar="MARK", help="hit only the browser session with this mark")
    broken.add_argument(
        "--upstream", action="store_true", help="break the direction from the caller, instead of the answers"
    )
    healed = verbs.add_parser("heal", parents=[where], help="heal a hop, or everything")
    healed.add_argument("hop", metavar="HOP", nargs="?", default="")
    marked = verbs.add_parser("mark", parents=[where], help="make a mark for one browser session")
    marked.add_argument("--name", default="", metavar="NAME", help="the tester's name in the logs; random if left out")
    shown = verbs.add_parser("show", parents=[where], help="what is broken, for whom and how long; or print a drill")
    shown.add_argument("drill", metavar="NAME", nargs="?", default="", help="print this drill as a file")
    return parser.parse_args(argv)


def _break(control: Control, arguments: argparse.Namespace) -> str:
    fault = fault_of(arguments.fault)
    if not 0 < arguments.for_s <= TTL_S_MAX:
        raise ControlRefused(f"--for: seconds, more than 0 and at most {TTL_S_MAX:g}")
    if not 0 <= arguments.share <= 1:
        raise ControlRefused("--share: a number from 0 to 1")
    attributes = _attributes(arguments.attributes)
    if not attributes:
        attributes = {each.name: each.typical for each in fault.parameters if each.typical is not None}
    done = control.break_(
        arguments.hop,
        arguments.fault,
        attributes,
        ttl_s=arguments.for_s,
        stream="upstream" if arguments.upstream else "",
        share=arguments.share,
        session=arguments.session,
    )
    return output.broken(control.hop(arguments.hop)["name"], done)


def _attributes(pairs: Sequence[str]) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {}
    for pair in pairs:
        name, is_pair, value = pair.partition("=")
        if not (name and is_pair):
            raise ControlRefused(f"{pair!r} is not KEY=VALUE, such as latency=3000")
        attributes[name] = int(value) if value.lstrip("-").isdecimal() else value
    return attributes


def _mark(arguments: argparse.Namespace) -> int:
    value = mint(key_here(data_root(), arguments.port_base), arguments.name)
    # stdout has the value alone, so that a script can read it; stderr tells a person how to use it.
    print(value, flush=True)
    print(output.marked(value), file=sys.stderr)
    return HELD


def _heal(control: Control, arguments: argparse.Namespace) -> str:
    return output.healed(control.heal(arguments.hop))


_VERBS: Mapping[str, Callable[[Control, Any], str]] = {
    "hops": lambda control, arguments: (
        output.applicable(control.hops(), FAULTS.values())
        if arguments.faults
        else output.hops(control.hops(), control.absent())
    ),
    "break": _break,
    "heal": _heal,
    "show": lambda control, _: output.shown(control.hops()),
}


def _refuse(sentence: str, code: int) -> int:
    print(f"manage.py drill: {sentence}", file=sys.stderr)
    return code
