"""Every number of the read side.

Public: `QueriesPolicy`, `QUERIES`.
"""

from dataclasses import dataclass

from bff.resilience.policies import house_policy


@dataclass(frozen=True, slots=True)
class QueriesPolicy:
    """`min_sequence_ms_max` is how long a read waits for the write in `min_sequence`; a fragment has 250 ms in all.

    `announce_s` is how often silent feeds are looked for. A request waits for a change of the games for
    `games_refresh_ms` and is answered from the index before it then; a game is new for `games_new_days`.
    """

    min_sequence_ms_max: int = 150
    min_sequence_poll_ms: int = 10
    announce_s: float = 0.5
    query_bytes_max: int = 2048
    history_kinds_max: int = 8
    games_refresh_ms: int = 60
    games_parts_at_once: int = 8
    games_new_days: int = 30


QUERIES = house_policy("queries", QueriesPolicy())
