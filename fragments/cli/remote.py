"""`fragment` against a remote shell: it needs only the shell's address and a token, and reads no settings.

Public: `main`, `RemoteRegistry`, `named_shell`.
"""

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from fragments.cli.bench import NoBench, bench_verb
from fragments.cli.connection import RemoteSubjects, RequestFailed
from fragments.cli.output import plain, published_lines, say
from fragments.cli.scaffold import cli as scaffold
from fragments.cli.verb_table import Answer, add_json
from fragments.cli.verbs import add_trial, add_verbs, run_verb

if TYPE_CHECKING:
    import httpx

DESCRIPTION = (
    "Ship a fragment to the shell at MULLION_URL, with the token in MULLION_TOKEN. Before that, `fragment check URL` "
    "looks at it as pages would: fragment check --help"
)


class RemoteRegistry(RemoteSubjects):
    """Fragments of the registry of one shell."""

    room = "/fragments"

    def check(self, url: str) -> Answer:
        """Do all checks of a publish without storing anything."""
        name = self._ask("GET", "/token")["fragment"]
        return self._ask("POST", f"{self._of(name)}/checks", {"manifest_url": url})

    def publish(
        self,
        url: str,
        *,
        move: bool,
        percent: float | None,
        promotes: bool,
        steps: str = "",
        candidate: bool = False,
        expect: str = "",
    ) -> Answer:
        """Under the token's own name: a manifest of another one is refused."""
        name = self._ask("GET", "/token")["fragment"]
        on_trial = steps or percent is not None
        canary = {"percent": percent or 0, "promotes": promotes, "steps": steps} if on_trial else None
        return self._ask(
            "POST",
            f"{self._of(name)}/releases",
            {"manifest_url": url, "move": move, "canary": canary, "candidate": candidate, "expect": expect},
        )

    def hold(self, name: str, reason: str) -> Answer:
        return self._ask("POST", f"{self._of(name)}/hold", {"reason": reason})

    def resume(self, name: str) -> Answer:
        return self._ask("POST", f"{self._of(name)}/resume")

    def rollback(self, name: str, to: str, reason: str, expect: str) -> Answer:
        return self._ask("POST", f"{self._of(name)}/rollback", {"to": to, "reason": reason, "expect": expect})

    def canary(self, name: str, percent: float, release: str, promotes: bool, steps: str) -> Answer:
        body = {"percent": percent, "release": release, "promotes": promotes, "steps": steps}
        return self._ask("POST", f"{self._of(name)}/canary", body)

    def promote(self, name: str, expect: str) -> Answer:
        return self._ask("POST", f"{self._of(name)}/promote", {"expect": expect})

    def pause(self, name: str) -> Answer:
        return self._ask("POST", f"{self._of(name)}/pause")

    def outcomes(self, name: str) -> Answer:
        return self._ask("GET", f"{self._of(name)}/outcomes")

    def rules(self, name: str) -> Answer:
        return self._ask("GET", f"{self._of(name)}/rules")

    def waive(self, name: str, rule: str, reason: str) -> Answer:
        return self._ask("POST", f"{self._of(name)}/waivers", {"rule": rule, "reason": reason})

    def enforce(self, name: str, rule: str) -> Answer:
        return self._ask("DELETE", f"{self._of(name)}/waivers/{quote(rule, safe='')}")

    def preview(self, name: str, release: str, hours: float, machine: str) -> Answer:
        body = {"release": release, "hours": hours, "machine": machine}
        return self._ask("POST", f"{self._of(name)}/preview", body)


def named_shell(argv: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Whether `fragment` is meant for a shell elsewhere: MULLION_URL names one, and no copy here was asked for."""
    return bool(environ.get("MULLION_URL")) and not any(each.startswith("--port-base") for each in argv)


def main(
    argv: Sequence[str],
    environ: Mapping[str, str] = os.environ,
    transport: "httpx.BaseTransport | None" = None,
    prog: str = "manage.py fragment",
) -> int:
    """The command's exit code."""
    if list(argv[:1]) == ["new"]:
        return scaffold.main(argv[1:])
    try:
        if run := bench_verb(argv, environ):
            return run(argv[1:])
    except NoBench as missing:
        print(f"fragment {argv[0]}: {missing}", file=sys.stderr)
        return 2
    given = _parser(prog).parse_args(argv)
    try:
        registry = RemoteRegistry(environ.get("MULLION_URL", ""), environ.get("MULLION_TOKEN", ""), transport)
        if given.verb in ("check", "publish"):
            return _publish(registry, given)
        answer = run_verb(registry, given)
    except RequestFailed as refused:
        print(plain(f"fragment {given.verb}: {refused}"), file=sys.stderr)
        return 1
    if given.json:
        print(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        lines = say(given.verb, getattr(given, "deed", ""), getattr(given, "name", ""), answer)
        print(*map(plain, lines), sep="\n")
    return 0


def _publish(registry: RemoteRegistry, given: Namespace) -> int:
    if given.verb == "check":
        answer = registry.check(given.url)
    else:
        answer = registry.publish(
            given.url,
            move=given.move,
            percent=given.canary,
            promotes=given.promotes,
            steps=given.steps,
            candidate=given.candidate,
            expect=given.expect,
        )
    lines = [json.dumps(answer, indent=2, ensure_ascii=False)] if given.json else published_lines(answer, given.verb)
    print(*map(plain, lines), sep="\n")
    return 0


def _parser(prog: str) -> ArgumentParser:
    parser = ArgumentParser(prog=prog, description=DESCRIPTION)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    # It parses for itself; it stands here to be found.
    verbs.add_parser("dev", help="run a fragment's folder in every state, with mullion-bench", add_help=False)
    verb = verbs.add_parser("check", help="all that a publish would do, but nothing is stored and no page changes")
    verb.add_argument("url", metavar="URL", help="where the shell finds manifest.json")
    add_json(verb)
    verb = verbs.add_parser("publish", help="publish the release that this manifest describes")
    verb.add_argument("url", metavar="URL", help="where the shell finds manifest.json")
    verb.add_argument("--move", action="store_true", help="take it also where it is live from another origin")
    add_trial(verb)
    add_json(verb)
    add_verbs(verbs)
    return parser
