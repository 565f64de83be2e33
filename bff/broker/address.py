"""Chooses the broker by its address.

Public: `address`, `connect`.
"""

import os
from collections.abc import Mapping

from bff.broker.policy import BROKER, BrokerPolicy
from bff.broker.port import Broker
from bff.resilience.kafka_security import security_of
from bff.resilience.redis_address import SCHEMES

_DEFAULT = "redis://127.0.0.1:8040/0"


def address(environment: Mapping[str, str] = os.environ) -> str:
    """`BROKER_URL`, else Kafka at `KAFKA_BOOTSTRAP`, else the Valkey or Redis at `REDIS_URL`."""
    if url := environment.get("BROKER_URL"):
        return url
    if servers := environment.get("KAFKA_BOOTSTRAP"):
        return f"kafka://{servers}"
    return environment.get("REDIS_URL") or _DEFAULT


def connect(url: str, policy: BrokerPolicy | None = None, environment: Mapping[str, str] = os.environ) -> Broker:
    """The broker at `url` (`kafka://host:port[,host:port]`, or Valkey or Redis in any form of `redis_address`).

    The policy is the installation's where none is given; how Kafka is signed in to stands in the environment. Does no
    I/O. ValueError for another scheme, `KafkaInsecure` (one too) for settings that make no connection;
    ModuleNotFoundError with a sentence where Kafka's client is missing.
    """
    policy = policy or BROKER
    scheme, _, rest = url.partition("://")
    if scheme == "kafka":
        try:
            from bff.broker.kafka import KafkaBroker
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError("Kafka needs the extra `kafka`: pip install 'mullion[kafka]'") from error
        return KafkaBroker(rest.rstrip("/"), policy, security_of(environment))
    if scheme in SCHEMES:
        from bff.broker.streams import StreamsBroker

        return StreamsBroker(url, policy)
    starts = ", ".join(f"{each}://" for each in SCHEMES)
    raise ValueError(f"a broker's address starts with kafka://, {starts}; this one with {scheme[:20]!r}")
