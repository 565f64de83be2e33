"""Webhooks of the payments provider: the signature is checked before the body is parsed.

Public: `read_webhook`, `WebhookRejected`, `WebhookUnreadable`.
"""

import hashlib
import hmac

import msgspec

from bff.commands.payments.messages import ChargeMessage, outcome_of
from bff.commands.payments.outcome import ChargeOutcome
from bff.contracts import text


class WebhookRejected(Exception):
    """The webhook is not from the provider, or too old; the message says which."""


class WebhookUnreadable(Exception):
    """The webhook is from the provider, but its body is invalid; the message says why."""


def read_webhook(body: bytes, signature: str, secret: str, *, now: float, age_s_max: int) -> tuple[str, ChargeOutcome]:
    """The charge's reference and outcome; raises `WebhookRejected`, `WebhookUnreadable`.

    `signature` is `t=<unix seconds>,v1=<hex of HMAC-SHA256 over "t.body">`, as many providers sign.
    """
    parts = dict(part.strip().partition("=")[::2] for part in signature.split(","))
    stamp, given = parts.get("t", ""), parts.get("v1", "")
    if not stamp.isdigit() or len(stamp) > 12 or not given.isascii():
        raise WebhookRejected("the signature is malformed")
    expected = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, given):
        raise WebhookRejected("the signature does not match")
    if abs(now - int(stamp)) > age_s_max:
        raise WebhookRejected("the signature is too old")
    try:
        charge = text.decode(body, ChargeMessage, free_text=True)
    except msgspec.DecodeError as error:
        raise WebhookUnreadable(f"the body is not a charge: {error}") from error
    return charge.reference, outcome_of(charge)
