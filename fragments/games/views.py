"""The catalogue's addresses: the lobby's shelf, the whole of it, and what a player does with one game in either."""

from django.http import HttpRequest

from bff.contracts import headers
from bff.contracts.idempotency import FORM_KEY_FIELD, is_form_key
from bff.contracts.own_write import MIN_SEQUENCE_QUERY
from fragments.games import acts
from fragments.games.acts import Result
from fragments.games.pages import page_of
from fragments.games.search import search_from
from fragments.kit import bff
from fragments.kit.answer import Rendered, fragment_view
from fragments.kit.context import Context


@fragment_view()
async def shelf(request: HttpRequest, context: Context) -> Rendered:
    """A player's recent and favourite games, the kinds of games, and a search over all of them."""
    return await page_of(context, None, min_sequence=request.GET.get(MIN_SEQUENCE_QUERY, ""))


@fragment_view()
async def catalogue(request: HttpRequest, context: Context) -> Rendered:
    """One page of the games that the page's query asks for."""
    return await page_of(context, search_from(request.GET.dict()), min_sequence=request.GET.get(MIN_SEQUENCE_QUERY, ""))


@fragment_view("POST")
async def game(request: HttpRequest, context: Context) -> Rendered:
    """Carry out what a player does with one game, and answer with the page that stood open.

    A browser without a script is sent back to that page; one with a script (`in_place`) puts the answer in its place.
    """
    form = request.POST.dict()
    act = acts.act_from(form)
    key = request.headers.get(headers.IDEMPOTENCY_KEY) or form.get(FORM_KEY_FIELD, "")
    if act is None or not is_form_key(key):
        return await page_of(context, acts.search_of(form), Result(422, acts.NOT_READ))
    if context.player is None:
        return await page_of(context, act.search, Result(401))
    # One form holds all of a game's buttons, so its key alone would be that of several commands.
    outcome = await bff.command(act.command, act.body, context, f"{key}-{act.does}")
    result = acts.result_of(act, outcome)
    if result.marked is None or result.receipt is None or form.get("in_place"):
        return await page_of(context, act.search, result)
    back = act.search.link(context.pathnames["games"]) if act.search else context.mount_pathname
    return Rendered("", None, changed=(acts.TOPIC,), sequence=result.receipt.sequence, location=back)
