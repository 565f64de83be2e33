"""`page …`: the verbs of pages that are data, and a shell's pages over HTTP.

Public: `main`, `RemotePages`, `Pages`, `add_page_verbs`, `run_page_verb`, `describe_page`, `read_page`, `FileRefused`.
"""

import json
import os
import sys
import tomllib
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import httpx

from fragments.cli.connection import Connection, RequestFailed
from fragments.cli.output import moment, say, table
from fragments.cli.verbs import AUDIT_LINES, Answer, add_json, add_token_verbs

DESCRIPTION = (
    "Add, change and roll back pages of the shell at MULLION_URL, with the token of a page in MULLION_TOKEN. A page is "
    "one file of data, TOML or JSON: its address, words, slots and layout. It is checked before it is live, and every "
    "shell follows within a second.\n\nExamples: page publish offers.toml | page rollback offers --reason WHY"
)


class FileRefused(Exception):
    """The message says why a file is no page."""


class Pages(Protocol):
    """What the verbs ask, wherever the pages are. Each answers what the API would; a refusal is raised."""

    def list(self) -> Answer: ...
    def show(self, name: str) -> Answer: ...
    def publish(self, document: dict[str, Any]) -> Answer: ...
    def rollback(self, name: str, to: int | None, reason: str) -> Answer: ...
    def diff(self, name: str, before: int, after: int) -> Answer: ...
    def audit(self, name: str, limit: int) -> Answer: ...
    def token_make(self, name: str, purpose: str, label: str, days: int) -> Answer: ...
    def token_list(self, name: str) -> Answer: ...
    def token_revoke(self, name: str, prefix: str) -> Answer: ...


class RemotePages(Connection):
    """Pages of the registry of one shell."""

    def list(self) -> Answer:
        return self._ask("GET", "/pages")

    def show(self, name: str) -> Answer:
        return self._ask("GET", _of(name))

    def publish(self, document: dict[str, Any]) -> Answer:
        return self._ask("POST", f"{_of(str(document.get('page', '')))}/revisions", document)

    def rollback(self, name: str, to: int | None, reason: str) -> Answer:
        return self._ask("POST", f"{_of(name)}/rollback", {"to": to, "reason": reason})

    def diff(self, name: str, before: int, after: int) -> Answer:
        return self._ask("GET", f"{_of(name)}/diff", query={"before": str(before), "after": str(after)})

    def audit(self, name: str, limit: int) -> Answer:
        return self._ask("GET", f"{_of(name)}/audit", query={"limit": str(limit)})

    def token_make(self, name: str, purpose: str, label: str, days: int) -> Answer:
        return self._ask("POST", f"{_of(name)}/tokens", {"name": label, "purpose": purpose, "days": days})

    def token_list(self, name: str) -> Answer:
        return self._ask("GET", f"{_of(name)}/tokens")

    def token_revoke(self, name: str, prefix: str) -> Answer:
        return self._ask("DELETE", f"{_of(name)}/tokens/{quote(prefix, safe='')}")


def add_page_verbs(verbs: Any) -> list[ArgumentParser]:
    """Adds each verb's parser to `verbs`, as `add_subparsers` made it; answers those that stand below a verb."""
    add_json(verbs.add_parser("list", help="the pages, and what fills their slots"))
    verb = _named(verbs, "show", "what is live of a page, and its revisions")
    verb.add_argument("--document", action="store_true", help="the page that is live as a file, to change and publish")
    verb = verbs.add_parser("publish", help="check the page in this file and make it live")
    verb.add_argument("file", type=Path, metavar="FILE", help="a page as TOML (.toml) or JSON (.json)")
    add_json(verb)
    verb = _named(
        verbs, "rollback", "make an earlier revision the page; before the first it is the pages table's, or none"
    )
    verb.add_argument("--to", type=int, metavar="REVISION", help="its number, 0 for none; else the one before")
    verb.add_argument("--reason", default="", metavar="WHY", help="for the audit")
    verb = _named(verbs, "diff", "what changed from one revision to another")
    verb.add_argument("before", type=int, metavar="BEFORE", help="the number of a revision")
    verb.add_argument("after", type=int, metavar="AFTER", help="the same")
    verb = _named(verbs, "audit", "who changed what, and what was refused")
    verb.add_argument("--limit", type=int, default=AUDIT_LINES, metavar="N", help=f"lines, {AUDIT_LINES} by default")
    return add_token_verbs(verbs, _named)


def run_page_verb(pages: Pages, given: Namespace) -> Answer:
    """What the verb of `given` is answered, which is one of `add_page_verbs`; raises `FileRefused`."""
    name = getattr(given, "name", "")
    match given.verb, getattr(given, "deed", ""):
        case "list", _:
            return pages.list()
        case "show", _:
            return pages.show(name)
        case "publish", _:
            return pages.publish(read_page(given.file))
        case "rollback", _:
            return pages.rollback(name, given.to, given.reason)
        case "diff", _:
            return pages.diff(name, given.before, given.after)
        case "audit", _:
            return pages.audit(name, given.limit)
        case "token", "make":
            return pages.token_make(name, given.purpose, given.label, given.days)
        case "token", "list":
            return pages.token_list(name)
        case "token", "revoke":
            return pages.token_revoke(name, given.prefix)
    raise AssertionError(f"{given.verb} is none of the verbs that add_page_verbs adds")


def read_page(path: Path) -> dict[str, Any]:
    """The page in a file, as JSON has it; whether it is a good one is the shell's to say. Raises `FileRefused`."""
    try:
        text = path.read_text("utf-8")
        document = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise FileRefused(f"{path} can not be read: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("page"), str):
        raise FileRefused(f'{path} names no page; it begins with page = "offers"')
    return document


def describe_page(given: Namespace, answer: Any) -> Iterator[str]:
    """Lines about the answer to a verb, for people."""
    match given.verb:
        case "list":
            rows = [(each["page"], each["route"], _revision(each["revision"]), _slots(each)) for each in answer]
            yield from table(rows, "there is no page")
        case "show" if given.document:
            yield json.dumps(answer["document"], indent=2, ensure_ascii=False)
        case "show":
            yield f"{answer['page']} is {_revision(answer['revision'])}"
            yield from table([_row(each) for each in answer["revisions"]], "nothing of it was published")
        case "publish":
            word = "published" if answer["changed"] else "unchanged"
            yield f"{word} {answer['page']}: {_revision(answer['revision'])} is live on every shell within a second"
        case "rollback":
            word, was = "" if answer["changed"] else "unchanged: ", _revision(answer["from_revision"])
            yield f"{word}{answer['page']} is {_revision(answer['revision'])}, after {was}"
        case "diff":
            yield from answer["lines"] or ["they are the same"]
        case verb:
            yield from say(verb, getattr(given, "deed", ""), getattr(given, "name", ""), answer)


def main(
    argv: Sequence[str],
    environ: Mapping[str, str] = os.environ,
    transport: httpx.BaseTransport | None = None,
    prog: str = "manage.py page",
) -> int:
    """The command's exit code."""
    parser = ArgumentParser(prog=prog, description=DESCRIPTION)
    add_page_verbs(parser.add_subparsers(dest="verb", required=True, metavar="VERB"))
    given = parser.parse_args(argv)
    try:
        pages = RemotePages(environ.get("MULLION_URL", ""), environ.get("MULLION_TOKEN", ""), transport)
        answer = run_page_verb(pages, given)
    except (RequestFailed, FileRefused) as refused:
        print(f"page {given.verb}: {refused}", file=sys.stderr)
        return 1
    lines = [json.dumps(answer, indent=2, ensure_ascii=False)] if given.json else describe_page(given, answer)
    print(*lines, sep="\n")
    return 0


def _named(verbs: Any, verb: str, says: str) -> ArgumentParser:
    parser: ArgumentParser = verbs.add_parser(verb, help=says)
    parser.add_argument("name", metavar="PAGE", help="the page's name, as `list` shows it")
    add_json(parser)
    return parser


def _revision(number: int) -> str:
    return f"revision {number}" if number else "as the pages table has it"


def _slots(each: dict[str, Any]) -> str:
    return ", ".join(f"{slot}: {fragment}" for slot, fragment in each["slots"].items())


def _row(each: dict[str, Any]) -> tuple[str, ...]:
    live = "live" if each["live"] else ""
    return live, str(each["revision"]), each["digest"][:12], each["actor"], moment(each["published_at"])


def _of(name: str) -> str:
    return f"/pages/{quote(name, safe='')}"
