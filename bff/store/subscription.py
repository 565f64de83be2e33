"""One subscription to what the store publishes.

Public: `listen`.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

import msgspec

from bff.contracts.live import LiveMessage
from bff.resilience.pubsub import SubscriptionLost, messages
from bff.resilience.redis_clients import AsyncClient
from bff.store.connection import StoreUnavailable
from bff.store.policy import StorePolicy

_decoder = msgspec.json.Decoder(LiveMessage)


async def listen(
    client: AsyncClient, patterns: list[str], policy: StorePolicy, clock: Callable[[], float]
) -> AsyncIterator[LiveMessage]:
    """Messages as they come, until the store is gone; then `StoreUnavailable`."""
    try:
        async with aclosing(messages(client, patterns=patterns, policy=policy.subscription, clock=clock)) as received:
            async for _channel, data in received:
                yield _decoder.decode(data)
    except SubscriptionLost as error:
        raise StoreUnavailable(str(error)) from error
