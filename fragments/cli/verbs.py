"""The verbs that a team needs, and their arguments.

Public: `add_verbs`, `add_token_verbs`, `add_trial`, `add_json`, `run_verb`, `Registry`, `Answer`.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any, Protocol

from fragments.cli.gate_verbs import GATE_VERBS, GateRegistry, add_gate_verbs, run_gate_verb

# JSON as the API answers it.
Answer = Any
DAYS_DEFAULT = 90
AUDIT_LINES = 20


class Registry(GateRegistry, Protocol):
    """What verbs ask, wherever it is, but for `publish`. Each answers what the API would; a refusal is raised."""

    def list(self) -> Answer: ...
    def show(self, name: str) -> Answer: ...
    def diff(self, name: str, before: str, after: str) -> Answer: ...
    def audit(self, name: str, limit: int) -> Answer: ...
    def hold(self, name: str, reason: str) -> Answer: ...
    def resume(self, name: str) -> Answer: ...
    def rollback(self, name: str, to: str, reason: str) -> Answer: ...
    def canary(self, name: str, percent: float, release: str, promotes: bool, steps: str) -> Answer: ...
    def promote(self, name: str) -> Answer: ...
    def pause(self, name: str) -> Answer: ...
    def preview(self, name: str, release: str, hours: float, machine: str) -> Answer: ...
    def token_make(self, name: str, purpose: str, label: str, days: int) -> Answer: ...
    def token_list(self, name: str) -> Answer: ...
    def token_revoke(self, name: str, prefix: str) -> Answer: ...


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
TOKENS = (
    "Tokens with which a team ships one fragment: for one name and one purpose, for so many days. read: look. publish: "
    "publish and roll back, too. operate: hold, resume and make tokens, too. A token is told once, when it is made."
)


def add_verbs(verbs: Any) -> list[ArgumentParser]:
    """Adds each verb's parser to `verbs`, as `add_subparsers` made it; answers those that stand below a verb."""
    # It asks no registry and parses for itself; it stands here to be found.
    verbs.add_parser("new", help="write a fragment that works, with tests: fragment new --help", add_help=False)
    _named(verbs, "hold", "keep a fragment out of every page until it is resumed", HOLD).add_argument(
        "--reason", required=True, metavar="WHY", help="for the audit and the status board"
    )
    _named(verbs, "resume", "let go of a fragment that is held", RESUME)
    verb = _named(verbs, "rollback", "make an earlier release live", ROLLBACK)
    verb.add_argument("--to", default="", metavar="RELEASE", help="its version or digest; else the one before")
    verb.add_argument("--reason", default="", metavar="WHY", help="for the audit")
    verb = _named(verbs, "canary", "give a share of visitors a release", CANARY)
    share = verb.add_mutually_exclusive_group(required=True)
    share.add_argument("--share", type=float, default=0, metavar="PERCENT", help="of visitors: 10, or 0.5")
    share.add_argument("--steps", default="", metavar="STEPS", help=STEPS)
    verb.add_argument("--release", default="", metavar="RELEASE", help="its version or digest; else the one on trial")
    verb.add_argument("--promotes", action="store_true", help="promote it by itself once it has done well")
    _named(verbs, "promote", "make the release on trial live for everybody")
    _named(verbs, "pause", "leave a trial at its share", PAUSE)
    verb = _named(verbs, "preview", "print a link that shows a release to one browser", PREVIEW)
    shown = verb.add_mutually_exclusive_group(required=True)
    shown.add_argument(
        "release", nargs="?", default="", metavar="RELEASE", help="a version, or 8 characters of a digest"
    )
    shown.add_argument("--machine", default="", metavar="URL", help="a manifest on your own machine; not in production")
    verb.add_argument("--hours", type=float, default=2.0, metavar="H", help="until it ends, 2 by default, 24 at most")
    add_json(verbs.add_parser("list", help="what is live"))
    _named(verbs, "show", "what is live of a fragment, and its releases")
    verb = _named(verbs, "diff", "what changed from one release to another")
    verb.add_argument("before", metavar="BEFORE", help="a version, or 8 characters of a digest and more")
    verb.add_argument("after", metavar="AFTER", help="the same")
    verb = _named(verbs, "audit", "who changed what, and what was refused")
    verb.add_argument("--limit", type=int, default=AUDIT_LINES, metavar="N", help=f"lines, {AUDIT_LINES} by default")
    add_gate_verbs(verbs)
    return add_token_verbs(verbs, _named)


def add_token_verbs(verbs: Any, named: Callable[[Any, str, str], ArgumentParser]) -> list[ArgumentParser]:
    """Adds `token` and what stands below it, which it answers; `named` makes a parser that takes a name."""
    tokens = verbs.add_parser("token", help="make, list and revoke tokens", description=TOKENS)
    deeds = tokens.add_subparsers(dest="deed", required=True, metavar="make|list|revoke")
    verb = named(deeds, "make", "make a token for what need not be published yet")
    verb.add_argument("--purpose", required=True, choices=["read", "publish", "operate"])
    verb.add_argument("--label", required=True, metavar="WHOSE", help="stands in the audit: promotions-ci")
    verb.add_argument("--days", type=int, default=DAYS_DEFAULT, help=f"until it expires, {DAYS_DEFAULT} by default")
    named(deeds, "list", "its tokens, and when each was used last")
    named(deeds, "revoke", "end a token at once").add_argument("prefix", metavar="PREFIX", help="as `list` shows it")
    return list(deeds.choices.values())


def add_trial(parser: ArgumentParser) -> None:
    """Adds what makes a publish the beginning of a trial, or of a preview."""
    parser.add_argument("--candidate", action="store_true", help="in no page until it is previewed, tried or live")
    share = parser.add_mutually_exclusive_group()
    share.add_argument("--canary", type=float, metavar="PERCENT", help="for this share of visitors, and not live yet")
    share.add_argument("--steps", default="", metavar="STEPS", help=STEPS)
    parser.add_argument("--promotes", action="store_true", help="with --canary: promote it once it has done well")


def run_verb(registry: Registry, given: Namespace) -> Answer:
    """What the registry answers to the verb of `given`, which is one of `add_verbs`."""
    name = getattr(given, "name", "")
    if given.verb in GATE_VERBS:
        return run_gate_verb(registry, given)
    match given.verb, getattr(given, "deed", ""):
        case "hold", _:
            return registry.hold(name, given.reason)
        case "resume", _:
            return registry.resume(name)
        case "rollback", _:
            return registry.rollback(name, given.to, given.reason)
        case "canary", _:
            return registry.canary(name, given.share, given.release, given.promotes, given.steps)
        case "promote", _:
            return registry.promote(name)
        case "pause", _:
            return registry.pause(name)
        case "preview", _:
            return registry.preview(name, given.release, given.hours, given.machine)
        case "list", _:
            return registry.list()
        case "show", _:
            return registry.show(name)
        case "diff", _:
            return registry.diff(name, given.before, given.after)
        case "audit", _:
            return registry.audit(name, given.limit)
        case "token", "make":
            return registry.token_make(name, given.purpose, given.label, given.days)
        case "token", "list":
            return registry.token_list(name)
        case "token", "revoke":
            return registry.token_revoke(name, given.prefix)
    raise AssertionError(f"{given.verb} is none of the verbs that add_verbs adds")


def _named(verbs: Any, verb: str, says: str, description: str = "") -> ArgumentParser:
    parser: ArgumentParser = verbs.add_parser(verb, help=says, description=description or None)
    parser.add_argument("name", metavar="NAME", help="the fragment, as the status board names it")
    add_json(parser)
    return parser


def add_json(parser: ArgumentParser) -> None:
    """Adds `--json`."""
    parser.add_argument("--json", action="store_true", help="what the API answers, as JSON")
