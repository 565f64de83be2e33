"""The live-table provider: a WebSocket that pushes whole tables without numbers or times.

`update` reads one message, `board` merges it, `liveness` tells whether the tables move, `socket` is the border,
`feed` runs them.
"""
