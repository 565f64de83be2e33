"""The write side: the transaction engine, its ledger, the payments adapter and the relay.

It owns the command database, and nothing else reads that. What happened leaves through the outbox, in the same
transaction; what players may do is decided here, however well or badly the read side is.
"""
