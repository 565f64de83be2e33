"""The table "in Podium's layout / here / why it differs" of `fragments/README.md`, made by running both.

Public: `Case`, `Call`, `Answer`, `Seen`, `PageAround`, `BROWSER`, `rows`, `table`, `MARKS`.
`uv run python -m tests.support.podium.table` writes the book anew; `tests/books/test_podium_table.py` holds the book to
it. The cases stand in `cases.py` and `page_cases.py`, the shell's side in `shell_side.py`.
"""

import asyncio
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import plain_http
from tests.support.podium.rig import Podium, Started, Variant

BOOK = Path(__file__).parents[3] / "fragments" / "README.md"
MARKS = ("<!-- podium -->\n", "<!-- /podium -->\n")
# In place of a variant: the podlet is gone.
GONE = "gone"


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a page's script to the podlet's own API: `rest` is a proxy's name and the path below it."""

    rest: str
    method: str = "GET"
    query: str = ""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to the script. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class PageAround:
    """The page around the podlet: what it gives to the podlet and takes from it.

    `params` fill the pathname, `query` is passed on; with `primary` the podlet may set the page's title; `inside` is
    another slot of the same podlet, by name, whose pathname is `/<name>`, nested in it.
    """

    params: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    primary: bool = False
    inside: str = ""


@dataclass(slots=True)
class Seen:
    """The result of a case on one side: the HTML of each visit, the requests for the content, the refusal if any."""

    htmls: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    refused: str = ""
    notes: tuple[str, ...] = ()
    answer: "Answer | None" = None

    @property
    def html(self) -> str:
        return self.htmls[-1] if self.htmls else ""


@dataclass(frozen=True, slots=True)
class Case:
    """One row: a podlet (`variant`), what happens to it after the first visit (`then`), and what is compared."""

    title: str
    variant: Variant
    look: Callable[[Seen], str]
    why: str = ""
    pathname: str = ""
    then: Variant | str | None = None
    trusted: bool = True
    call: Call | None = None
    around: PageAround = PageAround()


def rows(podium: Podium, cases: Sequence[Case]) -> list[tuple[str, str, str, str]]:
    """(case, in a Podium layout, here, why) of each."""
    return [
        (case.title, _words(case, _there(podium, case)), _words(case, _here(podium, case)), case.why) for case in cases
    ]


def table(found: Sequence[tuple[str, str, str, str]]) -> str:
    """The rows as the book shows them."""
    head = "| a podlet with | in Podium's layout | here | why it differs |\n|---|---|---|---|\n"
    return head + "".join(f"| {' | '.join(row)} |\n" for row in found)


def _words(case: Case, seen: Seen) -> str:
    return f"refused: {seen.refused}" if seen.refused else case.look(seen)


def _there(podium: Podium, case: Case) -> Seen:
    started = _start(podium, case)
    pathname, query = case.pathname.format(**case.around.params), dict(case.around.query)
    podlet = {"name": "podlet", "uri": started.manifest_url, "pathname": pathname, "query": query}
    layout = podium.layout("page", podlet)
    seen = Seen()
    for change in _changes(case):
        _carry_out(podium, started, change)
        seen.htmls.append(plain_http.get(layout.url, timeout=60).text)
        if case.call:
            seen.answer = _called_there(layout, case.call)
    return _ended(podium, started, case, seen)


def _here(podium: Podium, case: Case) -> Seen:
    from shell.registry.release_folder import PublishRefused
    from tests.support.podium.shell_side import called, published, shown

    started = _start(podium, case)
    seen = Seen()
    try:
        release, seen.notes = asyncio.run(published(started, trusted=case.trusted))
    except PublishRefused as refusal:
        field_name = re.search(r"`\$\.([^`]+)`|((?:js|css)\[\d+\]|mullion\.\w+):", str(refusal))
        seen.refused = f"`{next(filter(None, field_name.groups()))}`" if field_name else str(refusal)
        return _ended(podium, started, case, seen)
    if case.then != GONE:
        podium.requests(started)
    for change in _changes(case):
        _carry_out(podium, started, change)
        seen.htmls.append(asyncio.run(shown(release, case.pathname, case.around)))
        if case.call:
            seen.answer = asyncio.run(called(release, case.call))
    return _ended(podium, started, case, seen)


# Headers that a browser sends.
BROWSER = {"cookie": "odd=1", "accept": "*/*"}


def _called_there(layout: Started, call: Call) -> Answer:
    url = f"{layout.url}/podium-resource/podlet/{call.rest}"
    answer = plain_http.request(
        call.method, f"{url}?{call.query}", content=call.body or None, headers=BROWSER, timeout=60
    )
    return Answer(answer.status_code, dict(answer.headers), answer.content)


def _start(podium: Podium, case: Case) -> Started:
    [started] = podium.start({"name": "podlet", "fallback": "", **case.variant})
    return started


def _changes(case: Case) -> list[Variant | str | None]:
    return [None] if case.then is None else [None, case.then]


def _carry_out(podium: Podium, started: Started, change: Variant | str | None) -> None:
    if change == GONE:
        podium.stop(started)
    elif isinstance(change, dict):
        podium.change(started, **change)


def _ended(podium: Podium, started: Started, case: Case, seen: Seen) -> Seen:
    if case.then != GONE:
        urls = [request["url"] for request in podium.requests(started)]
        seen.urls = [url for url in urls if not re.search(r"manifest\.json|fallback|\.(css|js|svg)$", url)]
        podium.stop(started)
    return seen


def main() -> None:
    """Writes the book's table again."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.support.settings")
    import django

    django.setup()
    from tests.support.podium.cases import CASES
    from tests.support.podium.page_cases import PAGE_CASES

    with Podium() as podium:
        written = table(rows(podium, (*CASES, *PAGE_CASES)))
    before, _, rest = BOOK.read_text("utf-8").partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    if not after:
        sys.exit(f"{BOOK} has no {MARKS}; put them where the table belongs")
    BOOK.write_text(before + MARKS[0] + written + MARKS[1] + after, "utf-8")
    print(written)


if __name__ == "__main__":
    main()
