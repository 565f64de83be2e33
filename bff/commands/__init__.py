"""The write side: the transaction engine, its ledger, the payments adapter and the relay.

It owns the command database, which no other house reads. Events leave through the outbox, written in the command's
transaction. What players may do is decided here, and does not depend on the health of the read side.
"""
