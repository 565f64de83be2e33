"""The process that takes events from the outbox to the broker, and holds the read side against the ledger.

Run as `python -m bff.commands.relay`.
"""
