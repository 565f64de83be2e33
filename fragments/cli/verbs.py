"""The verbs that a team needs for its fragment, and their arguments.

Public: `add_verbs`, `add_trial`, `run_verb`, `Registry`.
"""

from argparse import ArgumentParser, Namespace
from typing import Any, Protocol

from fragments.cli.gate_verbs import GATE, GateRegistry
from fragments.cli.verb_table import SHARED, Answer, SharedRegistry, Verb, add_table, argument, one_of, run_row


class Registry(SharedRegistry, GateRegistry, Protocol):
    """The registry operations that the verbs call, local or remote, except `publish`. Each returns what the API answers
    and raises a refusal.
    """

    def hold(self, name: str, reason: str) -> Answer: ...
    def resume(self, name: str) -> Answer: ...
    def rollback(self, name: str, to: str, reason: str, expect: str) -> Answer: ...
    def canary(self, name: str, percent: float, release: str, promotes: bool, steps: str) -> Answer: ...
    def promote(self, name: str, expect: str) -> Answer: ...
    def pause(self, name: str) -> Answer: ...
    def preview(self, name: str, release: str, hours: float, machine: str) -> Answer: ...
    def outcomes(self, name: str) -> Answer: ...


HOLD = (
    "Keep a fragment out of every page, whatever release of it is live: its slots show their last good copy or their "
    "fallback at once, with the reason `held`, and its forms are not sent. Nobody asks it for anything until `resume`."
)
RESUME = (
    "Let go of a fragment that was held: each shell asks it once whether it is well, and its slots heal by themselves."
)
CANARY = (
    "Give a share of visitors a release that was published before (`publish --canary` does both), or change the share "
    "of the one on trial. A browser gets the same release every time, and a higher share only adds browsers."
)
STEPS = (
    "such as 1:10m,10:30m,50:1h: 1 %% of visitors for ten minutes, and so on; each step goes on to the next where the "
    "trial does as well as what is live, and the last is promoted"
)
EXPECT = (
    "publish only what has this content, as `show` says it of the release in another environment (12 characters of it "
    "or more): what was tried in staging is what production gets"
)
PAUSE = "Leave a trial at its share: it is not promoted by itself, and still rolled back by itself."
PREVIEW = (
    "Print a link that shows a release, live or not, to one browser alone: that of the first member of the team who "
    "opens it, signed in. It says so in a banner, and ends by itself. Operators say who is of a team: fragment team."
)
ROLLBACK = (
    "Make an earlier release live, within a second on every shell. Its files and fallback were copied when it was "
    "published, so nothing is fetched. Where a release is on trial, its trial ends and what is live stays. What its "
    "address answers with is its origin's to roll back."
)
OUTCOMES = (
    "How the fragment's slots ended in the last minute, and why those that were not fresh were not: the newest lines "
    "first, and below them those of the log: forms and calls that failed, what was taken out of its HTML. They are "
    "those of every shell process that answers in time."
)


def _hold(registry: Registry, given: Namespace) -> Answer:
    return registry.hold(given.name, given.reason)


def _resume(registry: Registry, given: Namespace) -> Answer:
    return registry.resume(given.name)


def _rollback(registry: Registry, given: Namespace) -> Answer:
    return registry.rollback(given.name, given.to, given.reason, given.expect)


def _canary(registry: Registry, given: Namespace) -> Answer:
    return registry.canary(given.name, given.share, given.release, given.promotes, given.steps)


def _preview(registry: Registry, given: Namespace) -> Answer:
    return registry.preview(given.name, given.release, given.hours, given.machine)


def _promote(registry: Registry, given: Namespace) -> Answer:
    return registry.promote(given.name, given.expect)


def _pause(registry: Registry, given: Namespace) -> Answer:
    return registry.pause(given.name)


def _outcomes(registry: Registry, given: Namespace) -> Answer:
    return registry.outcomes(given.name)


EXPECTED = argument(
    "--expect",
    default="",
    metavar="RELEASE",
    help="the version or digest that is to be on trial, or live without a trial; else nothing is changed",
)
VERBS: dict[str, Verb] = {
    "hold": Verb(
        "keep a fragment out of every page until it is resumed",
        _hold,
        (argument("--reason", required=True, metavar="WHY", help="for the audit and the status board"),),
        HOLD,
    ),
    "resume": Verb("let go of a fragment that is held", _resume, description=RESUME),
    "rollback": Verb(
        "make an earlier release live",
        _rollback,
        (
            argument("--to", default="", metavar="RELEASE", help="its version or digest; else the one before"),
            argument("--reason", default="", metavar="WHY", help="for the audit"),
            EXPECTED,
        ),
        ROLLBACK,
    ),
    "canary": Verb(
        "give a share of visitors a release",
        _canary,
        (
            one_of(
                argument("--share", type=float, default=0, metavar="PERCENT", help="of visitors: 10, or 0.5"),
                argument("--steps", default="", metavar="STEPS", help=STEPS),
                required=True,
            ),
            argument("--release", default="", metavar="RELEASE", help="its version or digest; else the one on trial"),
            argument("--promotes", action="store_true", help="promote it by itself once it has done well"),
        ),
        CANARY,
    ),
    "promote": Verb("make the release on trial live for everybody", _promote, (EXPECTED,)),
    "pause": Verb("leave a trial at its share", _pause, description=PAUSE),
    "preview": Verb(
        "print a link that shows a release to one browser",
        _preview,
        (
            one_of(
                argument(
                    "release", nargs="?", default="", metavar="RELEASE", help="a version, or 8 characters of a digest"
                ),
                argument(
                    "--machine", default="", metavar="URL", help="a manifest on your own machine; not in production"
                ),
                required=True,
            ),
            argument("--hours", type=float, default=2.0, metavar="H", help="until it ends, 2 by default, 24 at most"),
        ),
        PREVIEW,
    ),
    "outcomes": Verb("how its slots end just now, and why", _outcomes, description=OUTCOMES),
    **SHARED,
    **GATE,
}


def add_verbs(verbs: Any) -> list[ArgumentParser]:
    """Adds each verb's parser to `verbs`, as `add_subparsers` made it; answers those that stand below a verb."""
    # It asks no registry and parses for itself; it stands here to be found.
    verbs.add_parser("new", help="write a fragment that works, with tests: fragment new --help", add_help=False)
    return add_table(verbs, VERBS, "the fragment, as the status board names it")


def add_trial(parser: ArgumentParser) -> None:
    """Adds what makes a publish the beginning of a trial, or of a preview, and of that content alone."""
    parser.add_argument("--candidate", action="store_true", help="in no page until it is previewed, tried or live")
    share = parser.add_mutually_exclusive_group()
    share.add_argument("--canary", type=float, metavar="PERCENT", help="for this share of visitors, and not live yet")
    share.add_argument("--steps", default="", metavar="STEPS", help=STEPS)
    parser.add_argument("--promotes", action="store_true", help="with --canary: promote it once it has done well")
    parser.add_argument("--expect", default="", metavar="CONTENT", help=EXPECT)


def run_verb(registry: Registry, given: Namespace) -> Answer:
    """What the registry answers to the verb of `given`, which is one of `add_verbs`."""
    return run_row(VERBS, registry, given)
