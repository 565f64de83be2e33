"""Django's cache over whatever `REDIS_URL` names: django-redis makes clients of single servers only.

Public: `CacheConnections`. Named in the settings, by its path.
"""

from typing import Any

from django_redis.pool import ConnectionFactory
from redis import Redis

from bff.resilience.redis_clients import blocking_client
from shell.fleet.redis_stores import CONNECT_S, GROUP, OPERATION_S

_clients: dict[str, Redis] = {}


class CacheConnections(ConnectionFactory):  # type: ignore[misc]  # django-redis has no types
    """One client an address for the whole process: Django asks for one with every request."""

    def connect(self, url: str) -> Any:
        """A dead cache must cost a moment, not a page: the limits are those of all that shells keep there."""
        if url not in _clients:
            _clients[url] = blocking_client(url, group=GROUP, connect_s=CONNECT_S, answer_s=OPERATION_S)
        return _clients[url]
