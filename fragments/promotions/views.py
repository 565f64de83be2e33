"""The offers' addresses: the cards, and the claim."""

import re

from django.http import HttpRequest

from bff.contracts import codes, headers
from bff.contracts.command_names import CLAIM_PROMOTION, CLOSE_KEY
from bff.contracts.idempotency import FORM_KEY_FIELD, is_form_key
from bff.contracts.own_write import RECEIPT_QUERY, is_receipt_id
from bff.contracts.paths import PROMOTIONS_VIEW, RECEIPTS_VIEW
from bff.contracts.problem import Problem
from bff.contracts.promotions import PromotionsData
from bff.contracts.view import View
from bff.contracts.wallet import ClaimPromotion, Receipt, ReceiptData
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from fragments.kit import bff
from fragments.kit.answer import Degraded, Rendered, fragment_view
from fragments.kit.context import Context
from fragments.kit.last_known import LastKnown
from fragments.kit.unanswered import UnansweredCommand, parse_unanswered, settle_unanswered
from fragments.promotions import display
from fragments.promotions.display import ClaimNote

_last_offers = LastKnown[PromotionsData]()
_PROMOTION_ID = re.compile(r"[A-Za-z0-9._~-]{1,128}", re.ASCII)
_EXPIRED = ClaimNote("bad", "This form had expired and nothing was sent. Please press Claim again.")
_NOT_SENT = ClaimNote(
    "bad", "Claims can't be taken right now, and nothing was sent. Please try again in a moment.", ends="engine"
)
_UNKNOWN = "The answer got lost on the way. We keep asking what became of your claim, and it will show here by itself."
_IN_FLIGHT = "Your claim is already on its way. What became of it will show here by itself."
_NOT_DONE = ClaimNote(
    "bad", "Your claim was not carried out and can't be any more. Nothing was done; you can claim again."
)
_RECEIVED = ClaimNote("warn", "Your claim was received. Your wallet shows what has been booked.")
_FORGOTTEN = ClaimNote(
    "warn", "Your claim is too long ago to be looked up by its reference. Your wallet shows what has been booked."
)


@fragment_view()
async def offers(request: HttpRequest, context: Context) -> Rendered:
    """The offers that run; with `?receipt=` also what became of a claim."""
    note = await _receipt_note(request, context)
    return await _offers(context, notes={"": note} if note else {})


@fragment_view("POST")
async def claim(request: HttpRequest, context: Context) -> Rendered:
    """Take a claim to the engine and answer with all the cards."""
    promotion_id = request.POST.get("promotion_id", "")[:129]
    if context.player is None:
        return await _offers(context, status=401)
    if not _PROMOTION_ID.fullmatch(promotion_id):
        return await _offers(context, status=422, notes={"": ClaimNote("bad", "There is no such offer.")})
    key = request.headers.get(headers.IDEMPOTENCY_KEY) or request.POST.get(FORM_KEY_FIELD, "")
    if not is_form_key(key):
        return await _offers(context, status=422, notes={promotion_id: _EXPIRED})
    outcome = await bff.command(CLAIM_PROMOTION, ClaimPromotion(promotion_id), context, key)
    return await _after(outcome, context, promotion_id, key)


async def _after(
    outcome: Receipt | Problem | bff.Unknown | Failure, context: Context, promotion_id: str, key: str
) -> Rendered:
    same = {promotion_id: key}
    match outcome:
        case Receipt():
            return await _offers(context, notes={promotion_id: display.receipt_note(outcome)}, receipt=outcome)
        case bff.Unknown() | Problem(code=codes.COMMAND_IN_FLIGHT):
            note = _checking(_UNKNOWN if isinstance(outcome, bff.Unknown) else _IN_FLIGHT, key)
            reference = UnansweredCommand.sent_now("claim", key).receipt_id
            return await _offers(context, status=202, notes={promotion_id: note}, keys=same, receipt_id=reference)
        case Problem():
            words = outcome.detail or "This offer can't be claimed. Nothing has changed."
            return await _offers(context, status=422, notes={promotion_id: ClaimNote("bad", words)})
        case Failure(reason=Reason.UNAUTHORISED):
            return await _offers(context, status=401)
        case Failure():
            return await _offers(context, notes={promotion_id: _NOT_SENT}, keys=same)


async def _offers(
    context: Context,
    *,
    status: int = 200,
    notes: dict[str, ClaimNote] | None = None,
    keys: dict[str, str] | None = None,
    receipt: Receipt | None = None,
    receipt_id: str = "",
) -> Rendered:
    answer = await bff.view(PROMOTIONS_VIEW, View[PromotionsData], context, currency=context.currency)
    if isinstance(answer, Failure) and answer.reason is Reason.UNAUTHORISED:
        status = 401
    player = context.player.player if context.player else ""
    answer, failure = _last_offers.recall((player, context.currency), answer)
    page = display.offers(
        answer,
        context.formats,
        sign_in=context.sign_in,
        keys=_keys(answer, context, keys or {}),
        notes=notes or {},
        failure=failure,
    )
    # What is not known yet is asked for again as long as the slot is not fresh.
    waits = any(note.pending or note is _NOT_SENT for note in (notes or {}).values())
    degraded = page.degraded or (Degraded(Reason.ENGINE_DOWN) if waits else None)
    return Rendered(
        "promotions/offers.html",
        page,
        status,
        degraded,
        changed=("wallet", "claims") if receipt else (),
        sequence=receipt.sequence if receipt else None,
        receipt_id=receipt.receipt_id if receipt else receipt_id,
    )


async def _receipt_note(request: HttpRequest, context: Context) -> ClaimNote | None:
    receipt_id = request.GET.get(RECEIPT_QUERY, "")
    if context.player is None:
        return None
    if unanswered := parse_unanswered(receipt_id):
        return _unanswered_note(unanswered, await settle_unanswered(unanswered, context))
    if not is_receipt_id(receipt_id):
        return None
    answer = await bff.view(f"{RECEIPTS_VIEW}/{receipt_id}", View[ReceiptData], context)
    if isinstance(answer, Failure) or answer.data is None:
        return _RECEIVED
    return display.receipt_note(answer.data.receipt)


def _checking(words: str, key: str) -> ClaimNote:
    return ClaimNote("warn", words, pending=True, reference=key)


def _unanswered_note(unanswered: UnansweredCommand, outcome: Receipt | Problem | None) -> ClaimNote:
    if outcome is None:
        return _checking(_UNKNOWN, unanswered.key)
    if isinstance(outcome, Problem):
        return _FORGOTTEN
    return _NOT_DONE if outcome.command == CLOSE_KEY else display.receipt_note(outcome)


def _keys(answer: View[PromotionsData] | Failure, context: Context, held: dict[str, str]) -> dict[str, str]:
    if isinstance(answer, Failure) or answer.data is None:
        return held
    return {offer.promotion_id: context.form_key() for offer in answer.data.offers} | held
