"""Totals of a history page by month, so that filters and paging need not read the whole history.

Public: `months_in`, `totals_of`, `added`, `by_kind`.
"""

from collections.abc import Iterable, Mapping

from bff.contracts.history import KindTotals, month_of
from bff.contracts.ledger import MovementLine


def months_in(lines: Iterable[MovementLine]) -> list[str]:
    """The months that these lines belong to."""
    return sorted({month_of(line.receipt.at) for line in lines})


def totals_of(lines: Iterable[MovementLine], month: str) -> dict[str, KindTotals]:
    """The totals of these lines in `month`, by kind."""
    totals: dict[str, KindTotals] = {}
    for line in lines:
        if month_of(line.receipt.at) == month:
            totals[line.kind] = added([totals.get(line.kind, KindTotals(0, 0, 0)), _one(line)])
    return totals


def added(totals: Iterable[KindTotals]) -> KindTotals:
    """All of them together."""
    lines, in_minor, out_minor = 0, 0, 0
    for each in totals:
        lines, in_minor, out_minor = lines + each.lines, in_minor + each.in_minor, out_minor + each.out_minor
    return KindTotals(lines, in_minor, out_minor)


def by_kind(pages: Mapping[int, Mapping[str, KindTotals]]) -> dict[str, KindTotals]:
    """A whole month by kind."""
    kinds = {kind for page in pages.values() for kind in page}
    return {kind: added(page[kind] for page in pages.values() if kind in page) for kind in kinds}


def _one(line: MovementLine) -> KindTotals:
    amount = line.receipt.amount_minor if line.receipt.state == "done" else 0
    return KindTotals(1, max(0, amount), min(0, amount))
