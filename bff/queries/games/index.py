"""All games of all providers, ready to be searched.

Public: `Entry`, `GamesIndex`, `entries_of`.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import takewhile

from bff.contracts.games import GameState
from bff.queries.games.folding import fold

_NEVER = datetime.min.replace(tzinfo=UTC)
COMPACT_CHARS_MIN = 3
# How well a name answers a search; the least is best.
_SAME, _BEGINS, _IN_ORDER, _ANY_ORDER = range(4)


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One game, and its name as a search sees it."""

    provider: str
    state: GameState
    folded: str
    words: tuple[str, ...]

    @property
    def game_id(self) -> str:
        return f"{self.provider}:{self.state.code}"


def entries_of(provider: str, games: Iterable[GameState]) -> list[Entry]:
    """What an index is made of; the costly part is done here, a part of a provider at a time."""
    made = []
    for state in games:
        folded = fold(state.name)
        made.append(Entry(provider, state, folded, tuple(folded.split())))
    return made


@dataclass(slots=True)
class GamesIndex:
    """Immutable once made. Orders are lists of the same entries, each game once."""

    by_name: list[Entry]
    by_release: list[Entry] = field(init=False)
    by_rtp: list[Entry] = field(init=False)
    by_id: Mapping[str, Entry] = field(init=False)
    _releases: list[datetime] = field(init=False)
    _words: list[str] = field(init=False)
    _with_word: dict[str, list[Entry]] = field(init=False)

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.by_name = sorted(entries, key=lambda entry: (entry.folded, entry.provider, entry.state.code))
        self.by_release = sorted(self.by_name, key=lambda entry: entry.state.released_at or _NEVER, reverse=True)
        self._releases = [entry.state.released_at or _NEVER for entry in reversed(self.by_release)]
        self.by_rtp = sorted(self.by_name, key=lambda entry: entry.state.rtp or 0.0, reverse=True)
        self.by_id = {entry.game_id: entry for entry in self.by_name}
        self._with_word = {}
        for entry in self.by_name:
            for word in dict.fromkeys(entry.words):
                self._with_word.setdefault(word, []).append(entry)
        self._words = sorted(self._with_word)

    def __len__(self) -> int:
        return len(self.by_name)

    def new_count(self, since: datetime) -> int:
        """How many games were released from `since` on."""
        return len(self) - bisect_left(self._releases, since)

    def search(self, search: str) -> list[Entry]:
        """The games that answer `search`, the best first, then by name; a folded, not empty one.

        Each word of it begins a word of the name. Where that finds nothing, a search of some length may stand anywhere
        in a name, with spaces or without.
        """
        wanted = search.split()
        found = set(self._beginning_with(wanted[0]))
        for word in wanted[1:]:
            found.intersection_update(self._beginning_with(word))
        if not found:
            return self._inside("".join(wanted))
        return sorted(found, key=lambda entry: (_rank(entry, search, wanted), len(entry.words), entry.folded))

    def _beginning_with(self, prefix: str) -> Iterable[Entry]:
        start = bisect_left(self._words, prefix)
        for word in takewhile(lambda word: word.startswith(prefix), self._words[start:]):
            yield from self._with_word[word]

    def _inside(self, compact: str) -> list[Entry]:
        if len(compact) < COMPACT_CHARS_MIN:
            return []
        return [entry for entry in self.by_name if compact in entry.folded.replace(" ", "")]


def _rank(entry: Entry, search: str, wanted: list[str]) -> int:
    if entry.folded == search:
        return _SAME
    if entry.folded.startswith(search):
        return _BEGINS
    words = iter(entry.words)
    in_order = all(any(word.startswith(prefix) for word in words) for prefix in wanted)
    return _IN_ORDER if in_order else _ANY_ORDER
