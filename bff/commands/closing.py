"""CloseKey: what became of a command whose answer got lost, asked by its key.

Public: `close`, `close_key_view`.

A key that nobody has used is closed once its command is long overdue: the receipt that closes it keeps the command from
ever being carried out, should it still arrive. So "nothing was done" is said once, and stays true.
"""

from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from bff.commands import asked
from bff.commands.engine import statements
from bff.commands.engine.policy import POLICY
from bff.commands.ledger import outbox, receipts
from bff.commands.ledger.accounts import Book
from bff.commands.ledger.models import Receipt
from bff.commands.ledger.receipts import CLOSED, Asked, Refused
from bff.commands.runtime import runtime
from bff.commands.views import command_view
from bff.contracts.wallet import SCOPE_CLAIM, SCOPE_DEPOSIT, SCOPE_LIMITS, SCOPE_WITHDRAW, CloseKey

# Whoever may send any command may ask what became of it.
_SCOPES = frozenset({SCOPE_CLAIM, SCOPE_DEPOSIT, SCOPE_LIMITS, SCOPE_WITHDRAW})


@transaction.atomic
def close(by: Asked, wanted: CloseKey, now: datetime) -> Receipt:
    """The receipt under the key as it stands, or the one that closes it.

    Raises `Refused`: 404 while the command may still be on its way, 410 when keys of that time are forgotten.
    """
    book = Book.open(by.player, by.currency, now)
    if known := statements.find(Receipt, player_id=book.player.player_id, key=by.key):
        return known[0]
    ago = now - wanted.sent_at
    if ago > timedelta(days=POLICY.receipts_kept_days - 1):
        raise Refused(410, "key_forgotten", "This is too long ago to be asked for by its key; the history has it.")
    # Either way: a sender's clock may be wrong, and as a closed key carries nothing out, no clock can make this a lie.
    if abs(ago) < timedelta(seconds=POLICY.key_open_s):
        raise Refused(404, "key_unknown", "Nothing has arrived under this key. It may still be on its way.")
    receipt = receipts.write(
        book,
        by,
        kind="",
        state="declined",
        amount_minor=0,
        reason="This was not carried out, and can not be any more. Nothing was done.",
        in_history=False,
    )
    outbox.tell(book, "KeyClosed", [receipt])
    return receipt


@command_view(CLOSED)
async def close_key_view(request: HttpRequest) -> HttpResponse:
    """`POST /commands/close-key`: 200 done, declined or closed, 202 pending, 404 not here yet."""
    by, wanted = asked.read(request, CLOSED, _SCOPES, CloseKey)
    receipt = await runtime().engine.run(close, by, wanted, datetime.now(UTC))
    return asked.answer(receipts.on_the_wire(receipt), 202 if receipt.state == "pending" else 200)
