"""The live tables' addresses: the grid, one kind of it, and one table."""

from datetime import UTC, datetime

from django.http import HttpRequest

from bff.contracts.page_head import PageHead
from bff.contracts.paths import TABLES_VIEW
from bff.contracts.tables import TableData, TablesData, is_table_id
from bff.contracts.view import View
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from fragments.kit import bff
from fragments.kit.answer import Rendered, fragment_view
from fragments.kit.context import Context
from fragments.kit.last_known import LastKnown
from fragments.live_dealer import display

SHARED_S = 1
_last_list = LastKnown[TablesData]()
_last_tables = LastKnown[TableData]()


@fragment_view()
async def grid(request: HttpRequest, context: Context, kind: str = "") -> Rendered:
    """The lobby's selection, all tables, or one kind of them."""
    if kind and kind != display.ALL and kind not in display.KINDS:
        return _unknown("There is no such kind of table", context)
    # Always all of them: the filter says how many there are of each kind, and one shared answer serves every choice.
    answer = await bff.view(TABLES_VIEW, View[TablesData], context, currency=context.currency)
    # Names and links are worth showing without the numbers, under the time they were true.
    answer, failure = _last_list.recall(context.currency, answer)
    paths = display.Pathnames(context.pathnames["table"], context.pathnames["kind"])
    page = display.grid(answer, context.formats, paths, kind, failure)
    head = PageHead(page.title, canonical=context.pathnames["kind"].format(kind=kind)) if kind else None
    return Rendered("live_dealer/grid.html", page, degraded=page.degraded, cache_s=SHARED_S, page_head=head)


@fragment_view()
async def table(request: HttpRequest, context: Context, table_id: str) -> Rendered:
    """One table; 404 where the BFF does not know it."""
    answer = None
    if is_table_id(table_id):
        answer = await bff.view(f"{TABLES_VIEW}/{table_id}", View[TableData], context, currency=context.currency)
    if answer is None or (isinstance(answer, Failure) and answer.reason is Reason.NOT_FOUND):
        return _unknown("This table isn't here", context)
    # The picture and the last results, too.
    answer, failure = _last_tables.recall((context.currency, table_id), answer)
    if isinstance(answer, Failure):
        answer, failure = _listed(context.currency, table_id, answer)
    page = display.room(answer, context.formats, context.pathnames["table"], datetime.now(UTC), failure)
    return Rendered("live_dealer/table.html", page, degraded=page.degraded, cache_s=SHARED_S, page_head=page.head)


def _listed(currency: str, table_id: str, failure: Failure) -> tuple[View[TableData] | Failure, Failure | None]:
    """The table from the last list, for a player who follows a link of that list."""
    answer, _ = _last_list.recall(currency, failure)
    tables = answer.data.tables if isinstance(answer, View) and answer.data else []
    found = next((one for one in tables if one.table_id == table_id), None)
    if found is None or isinstance(answer, Failure):
        return failure, None
    return View(TableData(found), answer.freshness), failure


def _unknown(what: str, context: Context) -> Rendered:
    return Rendered("live_dealer/unknown.html", {"what": what, "lobby": context.pathnames["lobby"]}, status=404)
