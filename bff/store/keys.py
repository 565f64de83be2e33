"""The names of keys inside the store.

Public: `Keys`.
A script and a transaction may touch several of these, so on a cluster all of them stand in one slot.
"""

from bff.resilience.redis_clients import AsyncClient
from bff.store.records import check_topic


class Keys:
    def __init__(self, client: AsyncClient) -> None:
        self._key = client.key
        self.epoch = client.key("store:epoch")

    def record(self, topic: str, shadow: str = "") -> str:
        place = f"shadow:{check_topic(shadow)}" if shadow else "view"
        return self._key(f"{place}:{check_topic(topic)}")

    def feed(self, feed: str) -> str:
        return self._key(f"feed:{check_topic(feed)}")

    def lease(self, name: str) -> str:
        return self._key(f"lease:{check_topic(name)}")

    def members(self, name: str) -> str:
        return self._key(f"members:{check_topic(name)}")

    def claim(self, name: str) -> str:
        return self._key(f"once:{check_topic(name)}")
