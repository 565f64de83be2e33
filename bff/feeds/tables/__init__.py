"""The live-table provider: a WebSocket that pushes whole tables without numbers or times.

`news` reads one message, `board` merges it, `pulse` tells whether the tables move, `socket` is the border,
`feed` runs them.
"""
