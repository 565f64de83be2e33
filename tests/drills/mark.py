"""The mark of one tester's browser session, as it travels.

Public: `MEMBER`.

It is one member of the `baggage` header (W3C Baggage): `baggage: mullion-drill=<value>`. The value is opaque here: it
is signed by whoever mints it, and a fault names it whole, signature included, so that one which is forged or cut
matches nothing.
"""

MEMBER = "mullion-drill"
