"""Limits how often a password may be tried.

Public: `SignInThrottle`, `ThrottlePolicy`, `AttemptCounter`, `attempt_counters`, `network_of`. The reasons
are in decisions/0002.
"""

import hashlib
import ipaddress
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from redis.exceptions import RedisError

from bff.resilience import log
from bff.resilience.redis_clients import AsyncClient

logger = log.get("sign_in_throttle")


@dataclass(frozen=True, slots=True)
class ThrottlePolicy:
    """At most so many tries in `window_s`, which begins with the first of them: of one address, for one account by
    devices that never signed in to it, and of one device that did. A try that succeeds is given back.

    Each process counts by itself too, in `buckets_max` counters a kind: what it has let in, Redis only adds to.
    """

    window_s: int = 300
    address_tries_max: int = 20
    account_tries_max: int = 20
    device_tries_max: int = 10
    buckets_max: int = 65_536


@dataclass(frozen=True, slots=True)
class AttemptCounter:
    """One counter that limits attempts."""

    kind: str
    key: str
    tries_max: int


def attempt_counters(policy: ThrottlePolicy, *, name: str, address: str, device: str) -> tuple[AttemptCounter, ...]:
    """The counters of one try, in the order in which they are asked. `device` is empty unless it has signed in to this
    account before: then nobody else's tries count against it."""
    account = name.casefold()
    if device:
        return (AttemptCounter("device", f"{device}:{account}", policy.device_tries_max),)
    return (
        AttemptCounter("address", network_of(address), policy.address_tries_max),
        AttemptCounter("account", account, policy.account_tries_max),
    )


class SignInThrottle:
    """Counts in this process, and in Redis for all of them; a Redis that is away or slow loosens nothing here.

    `clock` is monotonic seconds.
    """

    def __init__(
        self, redis: AsyncClient, policy: ThrottlePolicy, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.policy = policy
        self._redis = redis
        self._clock = clock
        self._here: dict[tuple[str, int], tuple[int, float]] = {}

    async def take(self, tries: Sequence[AttemptCounter]) -> int:
        """Count one try in each; 0 when it may be made, else the seconds until the next one may. One that is refused
        counts nowhere: what stands in a counter has been tried or is on its way."""
        for taken, counter in enumerate(tries):
            count, left_s = self._add_here(counter, 1)
            if count > counter.tries_max:
                self._add_here(counter, -1)
            else:
                count, there_s = await self._add_there(counter, 1)
                if count <= counter.tries_max:
                    continue
                left_s = there_s
                await self.refund([counter])
            logger.warning("tries_refused", kind=counter.kind)
            await self.refund(tries[:taken])
            return max(1, left_s)
        return 0

    def address_wait_s(self, address: str) -> int:
        """How long an address that has used up its tries has to wait, as far as this process knows; else 0."""
        counter = AttemptCounter("address", network_of(address), self.policy.address_tries_max)
        count, left_s = self._add_here(counter, 0)
        return max(1, left_s) if count >= counter.tries_max else 0

    async def refund(self, tries: Sequence[AttemptCounter]) -> None:
        """Give the attempts back: the sign-in succeeded, or was not tried."""
        for counter in tries:
            self._add_here(counter, -1)
            await self._add_there(counter, -1)

    async def _add_there(self, counter: AttemptCounter, amount: int) -> tuple[int, int]:
        name = self._redis.key(f"shell:tries:{counter.kind}:{_digest(counter)}")
        try:
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.set(name, 0, ex=self.policy.window_s, nx=True)
                pipeline.incrby(name, amount)
                pipeline.ttl(name)
                _, count, left_s = await pipeline.execute()
        except (RedisError, OSError) as error:
            logger.warning("tries_counted_here_only", detail=str(error))
            return 0, 0
        return int(count), int(left_s)

    def _add_here(self, counter: AttemptCounter, amount: int) -> tuple[int, int]:
        bucket = counter.kind, int(_digest(counter), 16) % self.policy.buckets_max
        now = self._clock()
        count, until = self._here.get(bucket, (0, 0.0))
        if until <= now:
            count, until = 0, now + self.policy.window_s
        self._here[bucket] = max(0, count + amount), until
        return max(0, count + amount), int(until - now)


def _digest(counter: AttemptCounter) -> str:
    return hashlib.sha256(counter.key.encode()).hexdigest()[:32]


def network_of(address: str, *, ipv4_bits: int = 32, ipv6_bits: int = 64) -> str:
    """One household or host: an IPv6 customer has 2**64 addresses of its own. With fewer bits: who rents many."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    bits = ipv6_bits if parsed.version == 6 else ipv4_bits
    return address if bits == parsed.max_prefixlen else str(ipaddress.ip_network((parsed, bits), strict=False))
