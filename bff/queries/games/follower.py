"""The index, as far as the query store is: heads are read with every request, and parts where a head has changed.

Public: `GamesFollower`, `FEEDS`, `HEADS`.

No process polls or listens: a view reads the heads in its one round trip, so the first request after a change brings
the change in, for this process and in whatever process it arrives.
"""

import asyncio
from collections.abc import Iterable
from contextvars import Context

from bff.contracts.games import (
    GAMES_PROVIDERS,
    GameState,
    ProviderCatalogue,
    catalogue_topic,
    games_feed,
    games_part_topic,
)
from bff.queries.games.index import Entry, GamesIndex, entries_of
from bff.queries.policy import QueriesPolicy
from bff.resilience import log
from bff.store import Snapshot, Store

FEEDS = {provider: games_feed(provider) for provider in GAMES_PROVIDERS}
HEADS = {provider: catalogue_topic(provider) for provider in GAMES_PROVIDERS}


class GamesFollower:
    """`index` is what was read last. One refresh at a time, shared by all who wait for it."""

    def __init__(self, store: Store, policy: QueriesPolicy) -> None:
        self.index = GamesIndex()
        self._store = store
        self._policy = policy
        self._logger = log.get("queries")
        self._entries: dict[str, list[list[Entry]]] = {}
        self._digests: dict[str, list[str]] = {}
        self._refreshing: asyncio.Task[None] | None = None

    def heads(self, snapshot: Snapshot) -> dict[str, ProviderCatalogue]:
        """What there is of each provider that has ever been read."""
        found = {provider: snapshot.records[topic] for provider, topic in HEADS.items()}
        return {provider: record.decode(ProviderCatalogue) for provider, record in found.items() if record is not None}

    async def follow(self, heads: dict[str, ProviderCatalogue]) -> None:
        """Bring the index to `heads`. Where that takes long, requests are answered from the old
        index, if there is one.
        """
        if not self._changed(heads):
            return
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(
                self._refresh(heads), context=Context()
            )  # not part of a request's context
            self._refreshing.add_done_callback(_note_end)
        patience_s = self._policy.games_refresh_ms / 1000 if len(self.index) else None
        done, _ = await asyncio.wait({self._refreshing}, timeout=patience_s)
        for task in done:
            task.result()

    def _changed(self, heads: dict[str, ProviderCatalogue]) -> dict[str, list[int]]:
        """Which parts of which providers are other than those in the index."""
        changed = {}
        for provider, head in heads.items():
            mine = self._digests.get(provider, [])
            if len(mine) != len(head.parts):
                changed[provider] = list(range(len(head.parts)))
            elif mine != head.parts:
                changed[provider] = [part for part, digest in enumerate(head.parts) if digest != mine[part]]
        return changed

    async def _refresh(self, heads: dict[str, ProviderCatalogue]) -> None:
        for provider, parts in self._changed(heads).items():
            count = len(heads[provider].parts)
            entries = list(self._entries.get(provider, []))
            entries = entries if len(entries) == count else [[] for _ in range(count)]
            for start in range(0, len(parts), self._policy.games_parts_at_once):
                for part, read in await self._read(provider, parts[start : start + self._policy.games_parts_at_once]):
                    entries[part] = read
            self._entries[provider], self._digests[provider] = entries, heads[provider].parts
        self.index = GamesIndex(self._all())
        self._logger.info("games_indexed", games=len(self.index))

    async def _read(self, provider: str, parts: list[int]) -> list[tuple[int, list[Entry]]]:
        topics = {part: games_part_topic(provider, part) for part in parts}
        records = await self._store.get_many(topics.values())
        made = []
        for part, topic in topics.items():
            record = records[topic]
            made.append((part, entries_of(provider, record.decode(list[GameState]) if record is not None else [])))
            await asyncio.sleep(0)  # other requests have their turn
        return made

    def _all(self) -> Iterable[Entry]:
        return (entry for parts in self._entries.values() for part in parts for entry in part)


def _note_end(refreshing: asyncio.Task[None]) -> None:
    """Requests that still wait get the result or the error; without any, the next request tries again."""
    if not refreshing.cancelled():
        refreshing.exception()
