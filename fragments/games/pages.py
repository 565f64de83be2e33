"""The two pages of the catalogue, read from the BFF and rendered.

Public: `page_of`.
"""

from bff.contracts.games import GamesData
from bff.contracts.own_write import is_sequence
from bff.contracts.paths import GAMES_VIEW
from bff.contracts.view import View
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from fragments.games import display
from fragments.games.acts import TOPIC, Result
from fragments.games.page_request import PageRequest
from fragments.games.search import Search
from fragments.kit import bff
from fragments.kit.answer import Degraded, Rendered
from fragments.kit.context import Context
from fragments.kit.last_known import LastKnown

_last_answers = LastKnown[GamesData]()


async def page_of(
    context: Context, search: Search | None, result: Result | None = None, *, min_sequence: str = ""
) -> Rendered:
    """The catalogue as `search` asks for it, the lobby's shelf where that is None; as far as `result`, or the query.

    The shelf asks for as many games as it shows. While the BFF does not answer, the last answer to the same query is
    shown, with its time.
    """
    wanted = search or Search()
    # The words about an action name a game that may have left the shelf meanwhile: they are found in a whole page.
    limit = str(display.SHELF_MAX) if search is None and result is None else ""
    result = result or Result()
    receipt = result.receipt
    sequence = ":".join(map(str, receipt.sequence)) if receipt else min_sequence
    at_least = sequence if is_sequence(sequence) else ""
    answer = await bff.view(GAMES_VIEW, View[GamesData], context, min_sequence=at_least, limit=limit, **wanted.fields)
    status = 401 if isinstance(answer, Failure) and answer.reason is Reason.UNAUTHORISED else result.status
    player = context.player.player if context.player else ""
    answer, failure = _last_answers.recall((player, search is None, *wanted.fields.items()), answer)
    page_request = PageRequest(
        search=wanted,
        pathname=context.pathnames["games"],
        sign_in="" if context.player else context.sign_in,
        keys=context.form_key(),
        marked=result.marked,
    )
    template, make = ("shelf", display.shelf) if search is None else ("catalogue", display.catalogue)
    page = make(answer, context.formats, page_request, notice=result.notice_in(answer), failure=failure)
    degraded = page.degraded or (Degraded(Reason.ENGINE_DOWN) if result.asks_again else None)
    return Rendered(
        f"games/{template}.html",
        page,
        status,
        degraded,
        changed=(TOPIC,) if receipt else (),
        sequence=receipt.sequence if receipt else None,
        receipt_id=receipt.receipt_id if receipt and result.marked else "",
        page_head=page.head if isinstance(page, display.Catalogue) else None,
    )
