"""The cache of contained bodies is bounded and never mixes two."""

import random

import pytest

from bff.resilience.reason import Reason
from shell.composition.contain import Contained, Container, Limits, LinkPolicy, Refusal
from shell.composition.contain.lru_cache import LruCache

pytestmark = pytest.mark.quick

PREFIX = "/slots/lobby/wallet"


def test_least_recently_used_goes_first() -> None:
    """What was asked for last stays."""
    cache: LruCache[str] = LruCache(3 * 1512)
    for name in "abc":
        cache.put(name, name.upper(), 1000)
    assert cache.get("a") == "A"
    cache.put("d", "D", 1000)
    assert [cache.get(name) for name in "abcd"] == ["A", None, "C", "D"]


def test_bytes_stay_within_the_bound() -> None:
    """However many and however large, the entries never count for more than the bound."""
    cache: LruCache[int] = LruCache(100_000)
    chance = random.Random(7)
    for _ in range(5000):
        cache.put(chance.randrange(300), 1, chance.randrange(20_000))
        assert cache.bytes <= 100_000
    assert len(cache) <= 100_000 // 512


def test_entry_is_replaced_and_not_counted_twice() -> None:
    """Putting the same key again frees what it held."""
    cache: LruCache[int] = LruCache(10_000)
    for value in range(50):
        cache.put("a", value, 1000)
    assert (cache.get("a"), len(cache), cache.bytes) == (49, 1, 1512)


def test_too_large_an_entry_is_not_kept() -> None:
    """One body can not push all others out."""
    cache: LruCache[int] = LruCache(10_000)
    cache.put("a", 1, 100)
    cache.put("b", 2, 20_000)
    assert (cache.get("a"), cache.get("b")) == (1, None)


def test_ten_thousand_bodies_cost_bounded_memory() -> None:
    """A fragment whose body changes on every answer does not grow the process."""
    container = Container(Limits(cache_bytes_max=100_000))
    for n in range(1000):
        container.contain(f"<p>{n}</p>".encode(), "text/html", prefix=PREFIX, isolation="shadow", links=LinkPolicy())
    assert container.cached_bytes <= 100_000


def test_policies_do_not_share_an_outcome() -> None:
    """A link that one policy allows is not allowed to the next asker."""
    container = Container()
    body = b'<a href="https://help.example/">x</a>'
    allowing = LinkPolicy(origins=frozenset({"https://help.example"}))

    def ask(links: LinkPolicy) -> bytes:
        contained = container.contain(body, "text/html", prefix=PREFIX, isolation="shadow", links=links)
        assert isinstance(contained, Contained)
        return contained.html

    assert ask(allowing) == body
    assert ask(LinkPolicy()) == b"<a>x</a>"
    assert ask(allowing) == body


def test_content_type_is_asked_every_time() -> None:
    """A cached body does not make up for a wrong content type."""
    container = Container()
    body = b"<p>x</p>"
    assert isinstance(
        container.contain(body, "text/html", prefix=PREFIX, isolation="shadow", links=LinkPolicy()), Contained
    )
    refused = container.contain(body, "text/plain", prefix=PREFIX, isolation="shadow", links=LinkPolicy())
    assert isinstance(refused, Refusal)
    assert refused.reason is Reason.CONTENT_TYPE
