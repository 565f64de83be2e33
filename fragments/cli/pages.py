"""`page …`: the verbs of pages that are data, and a shell's pages over HTTP.

Public: `main`, `RemotePages`, `Pages`, `add_page_verbs`, `run_page_verb`, `describe_page`, `read_page`, `FileRefused`.
"""

import json
import os
import sys
import tomllib
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fragments.cli.connection import RemoteSubjects, RequestFailed
from fragments.cli.output import moment, plain, say, table
from fragments.cli.verb_table import SHARED, Answer, SharedRegistry, Verb, add_table, argument, run_row

if TYPE_CHECKING:
    import httpx

DESCRIPTION = (
    "Add, change and roll back pages of the shell at MULLION_URL, with the token of a page in MULLION_TOKEN. A page is "
    "one file of data, TOML or JSON: its address, words, slots and layout. It is checked before it is live, and every "
    "shell follows within a second.\n\nExamples: page publish offers.toml | page rollback offers --reason WHY"
)


class FileRefused(Exception):
    """The message says why a file is no page."""


class Pages(SharedRegistry, Protocol):
    """The operations that the verbs call, local or remote. Each returns what the API answers and raises a refusal."""

    def publish(self, document: dict[str, Any]) -> Answer: ...
    def rollback(self, name: str, to: int | None, reason: str, expect: int | None) -> Answer: ...


class RemotePages(RemoteSubjects):
    """Pages of the registry of one shell."""

    room = "/pages"

    def publish(self, document: dict[str, Any]) -> Answer:
        return self._ask("POST", f"{self._of(str(document.get('page', '')))}/revisions", document)

    def rollback(self, name: str, to: int | None, reason: str, expect: int | None) -> Answer:
        return self._ask("POST", f"{self._of(name)}/rollback", {"to": to, "reason": reason, "expect": expect})


def _publish(pages: Pages, given: Namespace) -> Answer:
    return pages.publish(read_page(given.file))


def _rollback(pages: Pages, given: Namespace) -> Answer:
    return pages.rollback(given.name, given.to, given.reason, given.expect)


VERBS: dict[str, Verb] = {
    **SHARED,
    "show": replace(
        SHARED["show"],
        arguments=(
            argument("--document", action="store_true", help="the page that is live as a file, to change and publish"),
        ),
    ),
    "diff": replace(
        SHARED["diff"],
        arguments=(
            argument("before", type=int, metavar="BEFORE", help="the number of a revision"),
            argument("after", type=int, metavar="AFTER", help="the same"),
        ),
    ),
    "publish": Verb(
        "check the page in this file and make it live",
        _publish,
        (argument("file", type=Path, metavar="FILE", help="a page as TOML (.toml) or JSON (.json)"),),
        named=False,
    ),
    "rollback": Verb(
        "make an earlier revision the page; before the first it is the pages table's, or none",
        _rollback,
        (
            argument("--to", type=int, metavar="REVISION", help="its number, 0 for none; else the one before"),
            argument("--reason", default="", metavar="WHY", help="for the audit"),
            argument(
                "--expect", type=int, metavar="REVISION", help="the number that is to be live; else nothing is changed"
            ),
        ),
    ),
}


def add_page_verbs(verbs: Any) -> list[ArgumentParser]:
    """Adds each verb's parser to `verbs`, as `add_subparsers` made it; answers those that stand below a verb."""
    return add_table(verbs, VERBS, "the page's name, as `list` shows it", "PAGE")


def run_page_verb(pages: Pages, given: Namespace) -> Answer:
    """What the verb of `given` is answered, which is one of `add_page_verbs`; raises `FileRefused`."""
    return run_row(VERBS, pages, given)


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
    transport: "httpx.BaseTransport | None" = None,
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
        print(plain(f"page {given.verb}: {refused}"), file=sys.stderr)
        return 1
    lines = [json.dumps(answer, indent=2, ensure_ascii=False)] if given.json else describe_page(given, answer)
    print(*map(plain, lines), sep="\n")
    return 0


def _revision(number: int) -> str:
    return f"revision {number}" if number else "as the pages table has it"


def _slots(each: dict[str, Any]) -> str:
    return ", ".join(f"{slot}: {fragment}" for slot, fragment in each["slots"].items())


def _row(each: dict[str, Any]) -> tuple[str, ...]:
    live = "live" if each["live"] else ""
    return live, str(each["revision"]), each["digest"][:12], each["actor"], moment(each["published_at"])
