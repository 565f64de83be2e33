"""What the book says of podlets is what Podium's own packages and the shell do."""

import re

import pytest

from tests.support.podium.cases import CASES
from tests.support.podium.page_cases import PAGE_CASES
from tests.support.podium.rig import Podium
from tests.support.podium.table import BOOK, MARKS, rows, table


def test_table_of_the_book_is_what_both_do(podium: Podium) -> None:
    """Row by row, and none that differs without its why. `python -m tests.support.podium.table` writes it anew."""
    found = rows(podium, (*CASES, *PAGE_CASES))
    assert BOOK.read_text("utf-8").partition(MARKS[0])[2].partition(MARKS[1])[0] == table(found)
    assert [title for title, there, here, why in found if bool(why) != (there != here)] == []


# What a podlet's case may come to here. A loss that nobody is told of is none of these.
OUTCOMES = re.compile(
    r"(asked|its API is asked for|leads below|linked for|answered) .+"
    r"|shown(, .+| in its shadow root, .+)?|its fallback, as `\w+`|the other slot|the title of the page.*"
    r"|its script is (not )?loaded|\d of \d styles with the content, \d of \d with the fallback"
    r"|`data-site` of its element is `.+`"
    r"|refused: `[^`]+`|(`[^`]+` stands; the rest is )?taken out, and publishing says so"
    r"|not in the page, and publishing says so"
)


@pytest.mark.parametrize(
    "here",
    [
        "lost silently",
        "not shown",
        "taken out",
        "not in the page",
        "",
        "`<iframe` stands",
        "no `data-site` on its element",
    ],
)
def test_loss_without_a_word_is_no_outcome(here: str) -> None:
    assert not OUTCOMES.fullmatch(here)


def test_no_row_loses_anything_silently() -> None:
    """Each row of the book ends in an outcome of the list, and one that is less than a layout's says why."""
    lines = BOOK.read_text("utf-8").partition(MARKS[0])[2].partition(MARKS[1])[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert len(cells) == len(CASES) + len(PAGE_CASES)
    assert [title for title, _, here, _ in cells if not OUTCOMES.fullmatch(here)] == []
    assert [title for title, there, here, why in cells if bool(why) != (there != here)] == []
