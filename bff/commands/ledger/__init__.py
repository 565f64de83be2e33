"""The ledger: models, accounts, receipts and the outbox, which are written in one transaction."""
