"""The wallet's pages as addresses: summary, cashier, history, limits.

Public: `summary`, `cashier`, `history`, `limits`.
"""

from django.http import HttpRequest

from fragments.kit.answer import Rendered, fragment_view
from fragments.kit.context import Context
from fragments.wallet.pages import cashier_page, history_page, limits_page, signed_out, summary_page


@fragment_view()
async def summary(request: HttpRequest, context: Context) -> Rendered:
    """The balance in the lobby."""
    if context.player is None:
        return signed_out(context, wide=False)
    return await summary_page(request.GET.dict(), context)


@fragment_view()
async def cashier(request: HttpRequest, context: Context) -> Rendered:
    """Balance, deposit, withdrawal; with `?receipt=` also what became of a command."""
    if context.player is None:
        return signed_out(context, wide=True)
    return await cashier_page(request.GET.dict(), context)


@fragment_view()
async def history(request: HttpRequest, context: Context) -> Rendered:
    """Three months of movements: `?until=2026-11&kind=deposits&page=2`, and `&line=<receipt>` for one of them."""
    if context.player is None:
        return signed_out(context, wide=True)
    return await history_page(request.GET.dict(), context)


@fragment_view()
async def limits(request: HttpRequest, context: Context) -> Rendered:
    """Deposit limits and breaks; with `?receipt=` also what became of a command."""
    if context.player is None:
        return signed_out(context, wide=True)
    return await limits_page(request.GET.dict(), context)
