"""One port for events on their way between houses, and what stands behind it.

A stream is read in order by one consumer of a group at a time; a consumer that dies is followed by another one, which
gets again what was not acknowledged. So events come at least once, and in order unless the broker itself reorders.

Public: `BROKER`, `Broker`, `BrokerUnavailable`, `BrokerPolicy`, `Delivery`, `Lag`, `connect`, `address`, `subscribe`,
`Progress`, `Unusable`, `pause`.
"""

from bff.broker.address import address, connect
from bff.broker.policy import BROKER, BrokerPolicy
from bff.broker.port import Broker, BrokerUnavailable, Delivery, Lag
from bff.broker.subscription import Progress, Unusable, pause, subscribe

__all__ = [
    "BROKER",
    "Broker",
    "BrokerPolicy",
    "BrokerUnavailable",
    "Delivery",
    "Lag",
    "Progress",
    "Unusable",
    "address",
    "connect",
    "pause",
    "subscribe",
]
