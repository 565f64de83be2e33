"""The verbs of `manage.py drill` that list, run, report and stop drills, as the command line takes them.

Public: `VERBS`, `add_verbs`. What each does is in `cli.py`.
"""

import argparse
from pathlib import Path

from tests.drills.kit.drill import SCOPES
from tests.drills.report import cli as reporting
from tests.drills.runner import guard

VERBS = ("list", "run", "try", "all", "report", "stop")


def add_verbs(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", where: argparse.ArgumentParser) -> None:
    """Adds the verbs with their arguments to the parser; `where` has the arguments that choose the copy."""
    listed = verbs.add_parser("list", parents=[where], help="list the stories")
    listed.add_argument("--all", action="store_true", help="list every drill of the running copy's matrix too")
    run = verbs.add_parser("run", parents=[where], help="run drills, by name or from files")
    run.add_argument("drills", nargs="+", metavar="FILE|NAME", help="my-own.yaml, live-hang, or shell:wallet/timeout")
    _add_run_options(run)
    tried = verbs.add_parser("try", parents=[where], help="run a drill of one fault, without a file, and report it")
    tried.add_argument("hop", metavar="HOP|FRAGMENT", help="shell:promotions, or promotions for short")
    tried.add_argument("attributes", nargs="+", metavar="FAULT|KEY=VALUE", help="latency=3000, or status status=502")
    tried.add_argument(
        "--for", dest="for_s", type=float, default=30, metavar="S", help="break it for so many seconds (30)"
    )
    _add_run_options(tried)
    everything = verbs.add_parser("all", parents=[where], help="run the whole catalogue: stories and matrix")
    everything.add_argument("--full", action="store_true", help="watch every cell in a browser; takes hours")
    everything.add_argument("--hops", default="", metavar="PATTERN", help="only cells of hops like this: 'shell:*'")
    everything.add_argument(
        "--resume",
        type=Path,
        metavar="FOLDER",
        help="continue that run, without the drills that held or deviated",
    )
    everything.add_argument("--subset", action="store_true", help="run a few of each kind, as CI does; two minutes")
    _add_run_options(everything)
    reporting.add_verb(verbs)
    verbs.add_parser("stop", help="halt the running drill and heal what it broke")


def _add_run_options(run: argparse.ArgumentParser) -> None:
    run.add_argument(
        "--base-url", default="", metavar="URL", help="players' address of a copy elsewhere; needs --control-url"
    )
    run.add_argument("--scope", choices=SCOPES, default="", help="whom the faults hit, instead of the file's scope")
    run.add_argument(
        "--environments", type=Path, default=guard.FILE, metavar="FILE", help="list of environments that may be drilled"
    )
    run.add_argument("--to", type=Path, default=None, metavar="FOLDER", help="where to write journals and report")
    run.add_argument("--http", action="store_true", help="no browser: visit the page over HTTP alone")
    run.add_argument("--headed", action="store_true", help="show the browser's window")
