"""The client's messages to the live-table provider over its WebSocket.

Public: `TablesSocket`, and from `feed_socket`: `SocketFailed`.
"""

from bff.feeds.feed_socket import FeedSocket, SocketFailed
from bff.feeds.policy import TablesPolicy

__all__ = ["SocketFailed", "TablesSocket"]


class TablesSocket(FeedSocket):
    """One connection: `async with TablesSocket(url, casino_id, policy) as socket`."""

    def __init__(self, url: str, casino_id: str, policy: TablesPolicy) -> None:
        super().__init__(url, connect_s=policy.connect_s, frame_bytes_max=policy.frame_bytes_max)
        self._casino_id = casino_id

    async def request_list(self) -> None:
        """Ask which tables there are."""
        await self.send({"type": "available", "casinoId": self._casino_id})

    async def follow(self, table_id: str, currency: str) -> None:
        """Ask for one table in one currency, from now on."""
        await self.send({"type": "subscribe", "key": table_id, "casinoId": self._casino_id, "currency": currency})
