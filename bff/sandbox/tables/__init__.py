"""A live-table provider: whole-table messages over a WebSocket, and the tables' video.

`world` plays, `messages` says it as such providers do, `server` carries it.
"""
