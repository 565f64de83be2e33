"""Every number of a guarded call, so that none stands at a call site.

Public: `Policy`, `LastGoodPolicy`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The numbers for one upstream. Units stand last in each name; a ratio is between 0 and 1.

    The defaults fit a fragment; a call to the BFF inside a fragment takes `Policy(deadline_ms=250)`.
    """

    # Time. Hystrix, Podium and resilience4j all stop at 1 s; a slot stays below the page's.
    deadline_ms: int = 800
    patience_ms: int = (
        0  # more, for as long as answers come near to deadline_ms; where a caller has no more, it gets none
    )
    near_ratio: float = 0.8  # of the limit: later than this is near to it
    cold_ms_max: int = 0  # of what sleeps and wakes: a call may take so long, which whoever made it need not wait for
    drain_ms_max: int = 0  # what a guard that closes gives to calls under way; 0: each ends by its own deadline
    connect_ms: int = 250

    # Idle connections end before the strictest usual server (uvicorn as it comes: 5 s) ends them, so none is met half
    # closed.
    idle_ms_max: int = 4000

    # Bulkhead. A burst of 200 on a healthy upstream must pass, each with a request of its own: 64 go at once, and all
    # the others find room in the queue.
    in_flight_max: int = 64
    waiting_max: int = 160
    waiting_ratio_max: float = 0.5  # of the deadline

    # Breaker.
    window_s: float = 10.0
    calls_min: int = 20
    failed_ratio_max: float = 0.5
    consecutive_max: int = 5
    callers_max: int = 4096  # of those who choose what is asked for: each one's failures count once a window
    fair_ratio_min: float = 0.5  # a time-out of a call that had less than this share of deadline_ms proves nothing
    open_ms_initial: int = 2000
    open_ms_max: int = 3000  # with the successes and a waiting page's delay after it, still healed within seven seconds
    open_factor: float = 2.0
    closing_successes: int = 5  # over a second: longer than an upstream stays up that flaps by the second
    closing_successes_few: int = 2  # after a pause that the upstream has asked for, and where callers are the probes
    probe_gap_ms: int = 250  # between those successes
    retry_after_ms_max: int = 8000

    # One late answer costs its reader a page. Where another comes so soon after the next timely one, the reader is
    # shown the same for so long, so that what they see changes three times in ten seconds at most.
    late_hold_ms: int = 10_000
    late_readers_max: int = 10_000

    # Resources whose answers are refused: how many are remembered, and for how long after the last refusal.
    resources_max: int = 256
    resource_s_max: float = 60.0

    # Evidence of other processes lowers calls_min and consecutive_max to these for as long as it is fresh.
    evidence_calls_min: int = 5
    evidence_consecutive_max: int = 2
    evidence_s_max: float = 10.0
    lease_wait_ms_max: int = 100

    # One retry of a GET that never reached the upstream, inside a budget that a sick upstream can not stretch.
    retry_budget_ratio: float = 0.1
    retry_budget_window_s: float = 10.0
    retry_budget_spare: int = 3  # retries in a window that need no calls to earn them
    retry_remaining_ratio_min: float = 0.5

    # Sizes.
    wire_bytes_max: int = 256 * 1024
    decoded_bytes_max: int = 512 * 1024
    headers_bytes_max: int = 32 * 1024

    # Names. A look-up is believed this long, then made again by one caller for all.
    lookup_s_max: float = 5.0

    def __post_init__(self) -> None:
        if self.open_factor < 1:
            raise ValueError(f"open_factor is {self.open_factor}: it is at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class LastGoodPolicy:
    """The numbers of what a process keeps of good answers, and of the second level behind it."""

    bytes_max: int = 64 * 1024 * 1024
    entries_max: int = 20_000

    # The second level is a network away: little time, no repetition, and left alone for a while when it failed.
    second_ms_max: int = 100
    second_quiet_s: float = 2.0
    # What is not there now may be soon, but not so soon that every page of an outage should ask.
    second_missing_s: float = 1.0
    rewrite_s_min: float = 10.0
    # A shared copy stands in unmarked for a late answer while it is no older than this: each who has it open sees it.
    late_grace_s: float = 10.0
    pending_max: int = 256
