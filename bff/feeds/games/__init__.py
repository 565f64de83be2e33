"""Catalogues of games: one feed a provider, each with a protocol of its own, and one shape in the query store.

What one provider says changes nothing of another's: it has its own lease, its own records and its own freshness.
"""
