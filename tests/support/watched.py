"""Rooms whose branches are measured, and the tests that must cover them. `tests/support/branches.py` measures."""

import re

# Rooms that keep one fragment's failure from the others, move money and make views are covered by these tests,
WATCHED = re.compile(
    r"tests/bff/resilience/|tests/shell/composition/test_(cold_reload|functions|include|load_class|partition|preview)\.py"
    r"|tests/bff/commands/house/|tests/bff/commands/test_(append_only|backpressure|currencies|idle_check|repair_schedule)\.py"
    r"|tests/bff/queries/|tests/bff/projector/test_(denied|forgotten|lag|ledger_feed|partition_share|partitions|parts|projections|shadows|steps)\.py"
)
# except the long ones, which show behaviour over time and reach no additional line.
LONG = re.compile(
    r"500_waiting|in_anothers_page|ten_seconds|each by itself|fresh_within_seven|Machine|one_probe_an_interval"
    r"|no_cache_control_can|no_more_than_the_room|the_limit_is_found|done_at_three_times|tester_leave_a_player"
    r"|house/case_(model|partitions)|whatever_is_lost_when"
)
# The engine's cases run over two databases and are watched over SQLite. These go where the code asks which one it is.
OVER_POSTGRESQL = re.compile(r"/case_(backup|events)\.py")


def is_watched(nodeid: str, database_url: str = "") -> bool:
    if database_url.startswith("postgres") and not OVER_POSTGRESQL.search(nodeid):
        return False
    return bool(WATCHED.match(nodeid)) and not LONG.search(nodeid)
