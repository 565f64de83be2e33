"""Provider adapters and the worker that runs them: provider -> validated -> query store and broker.

Reads never wait for a provider: this room keeps the store warm, and when a provider dies the data ages in the open.

`python -m bff.feeds.ingest` runs every feed; `INGEST_FEEDS=tables` runs that one alone.
"""
