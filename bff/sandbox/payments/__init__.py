"""A payments provider, with the difficulties real ones have.

`POST /v1/charges` `{"reference", "amount_minor", "currency"}` with `Idempotency-Key` → 201
`{"charge_id", "reference", "amount_minor", "currency", "status": "approved"|"declined"|"processing",
"decline_reason"?}`; the same key again → 200 with that charge as it stands, with another body → 422.
`GET /v1/charges?reference=…` → 200 `{"charges": […]}`. `GET /healthz`.

Each charge that is decided is told to the webhook, `{"event_id", "type": "charge.updated", …the charge}`, with
`Payments-Signature: t=<unix>,v1=<hex HMAC-SHA256 of "t.body">`, again and again until it is answered with 2xx; now and
then twice.

The last two digits of an amount decide: 13 and 14 are declined, 55 is processing and then approved, 56 is processing
and then declined, 77 is charged at once but answered too late. Faults: `down`, `error` (500, nothing charged), `slow`,
`answer_lost` (charged, never answered), `decline`, `webhook_held`, `webhook_twice`.
"""
