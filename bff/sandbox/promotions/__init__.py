"""A promotions provider: a list of offers over HTTP, polled with a validator.

`GET /v1/offers` → 200 `{"offers": […]}` with `ETag`; with `If-None-Match` 304 while nothing has changed; 429 with
`Retry-After` (seconds or a date) for who asks too often. Faults: `error` (500), `throttle`, `business_error` (a failure
inside a 200), `malformed`, `oversize`, `silence` (no answer).
"""
