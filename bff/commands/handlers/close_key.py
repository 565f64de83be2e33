"""CloseKey: the status of a command whose answer was lost, looked up by its idempotency key.

Public: `close`.

A key that nobody has used is closed once its command is long overdue: the receipt that closes it keeps the command from
ever being carried out, should it still arrive. So "nothing was done" is answered once, and stays true.
"""

from datetime import datetime, timedelta

from django.db import transaction

from bff.commands.engine import statements
from bff.commands.engine.policy import POLICY
from bff.commands.ledger import outbox, receipts
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.command_request import CommandRejected, CommandRequest
from bff.commands.ledger.models import Receipt
from bff.contracts import codes
from bff.contracts.wallet import CloseKey


@transaction.atomic
def close(request: CommandRequest, body: CloseKey, now: datetime) -> Receipt:
    """The receipt under the key as it stands, or the one that closes it.

    Raises `CommandRejected`: 404 while the command may still be on its way, 410 when keys of that time are forgotten.
    """
    accounts = PlayerAccounts.open(request.player, request.currency, now)
    if existing := statements.find(Receipt, player_id=accounts.player.player_id, key=request.key):
        return existing[0]
    ago = now - body.sent_at
    if ago > timedelta(days=POLICY.receipt_keys_retained_days - 1):
        raise CommandRejected(
            410, codes.KEY_FORGOTTEN, "This is too long ago to be asked for by its key; the history has it."
        )
    # The time may be off in either direction: a sender's clock may be wrong. As no command is carried out under a
    # closed key, the answer is true whatever the clock says.
    if abs(ago) < timedelta(seconds=POLICY.key_open_s):
        raise CommandRejected(404, "key_unknown", "Nothing has arrived under this key. It may still be on its way.")
    receipt = receipts.write(
        accounts,
        request,
        kind="",
        state="declined",
        amount_minor=0,
        reason="This was not carried out, and can not be any more. Nothing was done.",
        in_history=False,
    )
    outbox.append(accounts, "KeyClosed", [receipt])
    return receipt
