"""Stand-in providers, each its own process that behaves like the third party it stands for.

`tables` pushes over a WebSocket, `promotions` is polled over HTTP, `payments` takes money. Seeded, and their clock can
be held and stepped, so that runs repeat; each can be told to fail in the ways that third parties do.
"""
