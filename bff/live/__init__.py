"""One WebSocket a page: topics of the query store, sent to browsers as they change.

What a page says and hears on its socket is described in README.md; every number stands in `policy`.
"""
