"""Searches of the catalogue at the BFF: a real query store, the sandbox's 5,000 games, and searches as people type
them.

Run: `uv run python -m tests.benchmarks.bench_games` (half a minute). It sends searches one after another to a read-side
process over HTTP: whole names, beginnings of words, words in another order, parts of a word, words without a match,
filters, orders and pages. It prints the median and the p99 of a hundred for each kind and for all, and how long the
first request after a change of the catalogue takes.

It exits with 1 if the median of all is more than required.
"""

import argparse
import asyncio
import random
import statistics
import time
from urllib.parse import urlencode

import httpx

from bff.contracts.games import GameState, ProviderCatalogue, catalogue_topic, games_part_topic
from bff.contracts.player_context import new_key_pair
from bff.feeds.games.catalogue import PARTS, Catalogue
from bff.feeds.games.source import Batch
from bff.feeds.policy import GamesPolicy
from bff.queries.app import Queries
from bff.sandbox.clock import SandboxClock
from bff.sandbox.games.server import GamesProvider
from bff.store import Put, Store
from tests.benchmarks.verdicts import at_most, leave
from tests.support.feeds_rig import serving
from tests.support.valkey_server import ValkeyServer

MEDIAN_MS_MAX = 20.0
KINDS = {
    "slots": "slots", "jackpots": "jackpots", "tables": "table-games", "poker": "video-poker", "instant": "instant-win",
    "crash": "crash", "bingo": "bingo",
}  # fmt: skip
Queried = dict[str, str]


def catalogues() -> list[Catalogue]:
    """All games of the sandbox, as the feeds store them."""
    made = []
    for provider, games in GamesProvider("mullion", "a secret of nobody", SandboxClock()).games.items():
        catalogue = Catalogue(provider, provider.capitalize(), GamesPolicy())
        states = [GameState(f"g{each.number}", each.name, KINDS[each.kind], each.rtp) for each in games]  # type: ignore[arg-type]
        catalogue.take_all(Batch({state.code: state for state in states}), 0.0)
        catalogue.seal()
        made.append(catalogue)
    return made


async def put(store: Store, catalogue: Catalogue) -> None:
    """Writes as a feed does."""
    feed, provider = f"games-{catalogue.provider_id}", catalogue.provider_id
    for part in range(PARTS):
        await store.put_many([Put(games_part_topic(provider, part), catalogue.games(part), feed)])
    head: ProviderCatalogue = catalogue.head()
    await store.put(catalogue_topic(provider), head, feed=feed)
    await store.heartbeat(feed)


def searches(names: list[str], rng: random.Random, count: int) -> dict[str, list[Queried]]:
    """Searches by kind, `count` of each."""

    def of(make: "object") -> list[Queried]:
        return [make(rng.choice(names)) for _ in range(count)]  # type: ignore[operator]

    return {
        "a whole name": of(lambda name: {"search": name}),
        "beginnings of two words": of(lambda name: {"search": " ".join(word[:3] for word in name.split()[:2])}),
        "one letter": of(lambda name: {"search": name[0]}),
        "words the other way round": of(lambda name: {"search": " ".join(reversed(name.lower().split()))}),
        "inside a word": of(lambda name: {"search": name[2:7].strip() or name}),
        "nothing that there is": of(lambda name: {"search": name[::-1]}),
        "a filter, an order and a page": of(
            lambda name: {"category": rng.choice(list(KINDS.values())), "sort": "rtp", "page": str(rng.randint(1, 9))}
        ),
        "no search, any page": of(lambda _: {"page": str(rng.randint(1, 200))}),
    }


async def measure(client: httpx.AsyncClient, queries: list[Queried]) -> list[float]:
    """Milliseconds of each, one after the other."""
    took = []
    for query in queries:
        began = time.perf_counter()
        answer = await client.get(f"/views/games?{urlencode(query)}")
        took.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200, answer.text
    return took


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


async def run(count: int) -> None:
    made = catalogues()
    names = [game.name for each in made for part in range(PARTS) for game in each.games(part)]
    print(f"{len(names)} games of {len(made)} providers, {count} searches of each kind", flush=True)
    with ValkeyServer() as server:
        store = Store.connect(server.url)
        for catalogue in made:
            await put(store, catalogue)
        async with (
            serving(Queries(store, new_key_pair()[1])) as port,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
        ):
            print(
                f"{'the first request, which reads all games':44}{(await measure(client, [{}]))[0]:9.1f} ms", flush=True
            )
            every = []
            for kind, queries in searches(names, random.Random(7), count).items():
                took = await measure(client, queries)
                every += took
                print(
                    f"{kind:44}{statistics.median(took):9.2f} ms p50 {percentile(took, 0.99):9.2f} ms p99", flush=True
                )
            print(f"{'all':44}{statistics.median(every):9.2f} ms p50 {percentile(every, 0.99):9.2f} ms p99", flush=True)
            made[1].take_one(GameState("g1", "A name that changed", "slots"), 1.0)
            made[1].seal()
            await put(store, made[1])
            took = await measure(client, [{"search": "that changed"}])
            print(f"{'the first request after a change':44}{took[0]:9.1f} ms", flush=True)
            at_most("median of all searches", statistics.median(every), "ms", MEDIAN_MS_MAX)
        await store.aclose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="searches of each kind")
    asyncio.run(run(parser.parse_args().count))
    leave()


if __name__ == "__main__":
    main()
