"""Whose branches are measured, by the tests that show them. `tests/support/branches.py` measures."""

import re

# What keeps one fragment's failure from the others, moves money and makes views is shown by these,
WATCHED = re.compile(
    r"tests/bff/resilience/|tests/shell/composition/test_(functions|include|load_class|partition|preview)\.py"
    r"|tests/bff/commands/house/|tests/bff/queries/|tests/bff/projector/test_(denied|forgotten|partition_share|partitions|parts|projections|shadows|steps)\.py"
)
# without the long ones, which show how it behaves over time, and reach no line that the others do not.
LONG = re.compile(
    r"500_waiting|in_anothers_page|ten_seconds|each by itself|fresh_within_seven|Machine|one_probe_an_interval"
    r"|no_cache_control_can|the_limit_is_found|done_at_three_times|tester_leave_a_player"
)


def is_watched(nodeid: str) -> bool:
    return bool(WATCHED.match(nodeid)) and not LONG.search(nodeid)
