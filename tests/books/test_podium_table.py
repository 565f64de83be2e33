"""What the book says of podlets is what Podium's own packages and the shell do."""

from tests.support.podium.cases import CASES
from tests.support.podium.page_cases import PAGE_CASES
from tests.support.podium.rig import Podium
from tests.support.podium.table import BOOK, MARKS, rows, table


def test_table_of_the_book_is_what_both_do(podium: Podium) -> None:
    """Row by row, and none that differs without its why. `python -m tests.support.podium.table` writes it anew."""
    found = rows(podium, (*CASES, *PAGE_CASES))
    assert BOOK.read_text("utf-8").partition(MARKS[0])[2].partition(MARKS[1])[0] == table(found)
    assert [title for title, there, here, why in found if bool(why) != (there != here)] == []
