"""Text at the engine's endpoints, and older ledgers with text that is refused today."""

import hashlib
import hmac
import json

import pytest

from bff.commands.ledger.backup import _row
from bff.commands.ledger.models import GameTransaction
from bff.commands.payments.webhook import WebhookUnreadable, read_webhook
from bff.contracts import text

CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]


def _webhook(**fields):
    body = json.dumps({"charge_id": "ch_1", "reference": "rc_1", "status": "declined", **fields}).encode()
    signature = hmac.new(b"secret", b"1000." + body, hashlib.sha256).hexdigest()
    return read_webhook(body, f"t=1000,v1={signature}", "secret", now=1000, age_s_max=300)


@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
def test_payments_webhook_is_read_by_its_names_and_cleans_its_reason(control):
    """A spoilt name is refused; a spoilt reason must not keep a deposit pending for ever."""
    for field in ("charge_id", "reference", "status", "currency"):
        with pytest.raises(WebhookUnreadable):
            _webhook(**{field: f"x{control}"})
    _, verdict = _webhook(decline_reason=f"card{control} lost")
    assert text.is_plain(verdict.reason)
    assert "lost" in verdict.reason


def test_row_of_an_older_copy_can_be_stored():
    """A round with a NUL, which SQLite once took, comes back from a copy as text that both databases hold."""
    row = _row(GameTransaction, {"round": "r\x00", "game_code": "g", "amount_minor": 1})
    assert (row.round, row.game_code, row.amount_minor) == ("r\ufffd", "g", 1)
