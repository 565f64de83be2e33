"""The offers' addresses: the cards, and the claim."""

import re
import uuid
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest

from bff.contracts import headers
from bff.contracts.problem import Problem
from bff.contracts.promotions import PromotionsData
from bff.contracts.view import View
from bff.contracts.wallet import ClaimPromotion, Receipt, ReceiptData
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from fragments.kit import bff
from fragments.kit.answer import Degraded, Rendered, fragment_view
from fragments.kit.context import Context
from fragments.promotions import display
from fragments.promotions.display import ClaimNote

_TOKEN = re.compile(r"[A-Za-z0-9._~-]{1,128}", re.ASCII)
_EXPIRED = ClaimNote("bad", "This form had expired and nothing was sent. Please press Claim again.")
_NOT_SENT = ClaimNote("bad", "Claims can't be taken right now, and nothing was sent. Please try again in a moment.")
_UNKNOWN = ClaimNote(
    "warn", "The answer got lost on the way. Pressing Claim again asks for the same claim, never twice."
)
_IN_FLIGHT = ClaimNote("warn", "Your claim is already on its way.")


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
    if not _TOKEN.fullmatch(promotion_id):
        return await _offers(context, status=422, notes={"": ClaimNote("bad", "There is no such offer.")})
    key = request.headers.get(headers.IDEMPOTENCY_KEY) or request.POST.get("idempotency_key", "")
    if not _TOKEN.fullmatch(key):
        return await _offers(context, status=422, notes={promotion_id: _EXPIRED})
    outcome = await bff.command("claim-promotion", ClaimPromotion(promotion_id), context, key)
    return await _after(outcome, context, promotion_id, key)


async def _after(
    outcome: Receipt | Problem | bff.Unknown | Failure, context: Context, promotion_id: str, key: str
) -> Rendered:
    same = {promotion_id: key}
    match outcome:
        case Receipt():
            return await _offers(context, notes={promotion_id: display.receipt_note(outcome)}, receipt=outcome)
        case Problem(code="command_in_flight"):
            return await _offers(context, status=409, notes={promotion_id: _IN_FLIGHT}, keys=same)
        case Problem():
            words = outcome.detail or "This offer can't be claimed. Nothing has changed."
            return await _offers(context, status=422, notes={promotion_id: ClaimNote("bad", words)})
        case bff.Unknown():
            return await _offers(context, notes={promotion_id: _UNKNOWN}, keys=same)
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
) -> Rendered:
    answer = await bff.view("promotions", View[PromotionsData], context, currency=context.currency)
    if isinstance(answer, Failure) and answer.reason is Reason.UNAUTHORISED:
        status = 401
    page = display.offers(
        answer, context.formats, sign_in=_sign_in(context), keys=_keys(answer, keys or {}), notes=notes or {}
    )
    degraded = page.degraded or (Degraded(Reason.ENGINE_DOWN) if _NOT_SENT in (notes or {}).values() else None)
    return Rendered(
        "promotions/offers.html",
        page,
        status,
        degraded,
        changed=("wallet", "claims") if receipt else (),
        sequence=receipt.sequence if receipt else None,
        receipt_id=receipt.receipt_id if receipt else "",
    )


async def _receipt_note(request: HttpRequest, context: Context) -> ClaimNote | None:
    receipt_id = request.GET.get("receipt", "")
    if context.player is None or not _TOKEN.fullmatch(receipt_id):
        return None
    answer = await bff.view(f"receipts/{receipt_id}", View[ReceiptData], context)
    if isinstance(answer, Failure) or answer.data is None:
        return ClaimNote("warn", "Your claim was received. Your wallet shows what has been booked.")
    return display.receipt_note(answer.data.receipt)


def _keys(answer: View[PromotionsData] | Failure, kept: dict[str, str]) -> dict[str, str]:
    if isinstance(answer, Failure) or answer.data is None:
        return kept
    return {offer.promotion_id: uuid.uuid4().hex for offer in answer.data.offers} | kept


def _sign_in(context: Context) -> str:
    return f"{settings.SIGN_IN_PATHNAME}?{urlencode({'next': context.mount_pathname}, safe='/')}"
