"""Every number of the feeds.

Public: `FeedsPolicy`, `TablesPolicy`, `PromotionsPolicy`, `GamesPolicy`, `FEEDS`, `TABLES`, `PROMOTIONS`,
`GAMES`.
How long a silent feed is believed is decided where it is read: `bff.store.policy`.
"""

from dataclasses import dataclass

from bff.resilience.backoff import BackoffPolicy
from bff.resilience.policies import house_policy


@dataclass(frozen=True, slots=True)
class FeedsPolicy:
    """What all feeds share.

    One reader per provider: the lease outlives two missed renewals. A wait before another attempt is drawn between
    0 and a bound that doubles from `retry_s` to `retry_s_max`: one reader in all asks, so a provider that is down is
    not harmed by it, and pages are not fresh before this reader knows that it is back.
    """

    lease_ms: int = 2500
    renew_s: float = 0.5
    retry_s: float = 0.5
    retry_s_max: float = 1.5
    announce_s: float = 1.0
    bad_retained_max: int = 20
    bad_retained_chars: int = 300

    @property
    def backoff(self) -> BackoffPolicy:
        """Waits before another attempt to reach a provider: full jitter."""
        return BackoffPolicy(initial_s=self.retry_s, max_s=self.retry_s_max)


@dataclass(frozen=True, slots=True)
class TablesPolicy:
    """The WebSocket feed.

    A provider that is connected and says nothing for `silence_s` is left and called again. A flood is read, never
    queued beyond `backlog_max` (the oldest go), and handled in slices of `slice_ms` that take at most `duty` of the
    time. A message above `message_bytes_max` is bad; one above `frame_bytes_max` ends the connection.

    Content has to move. A countdown is judged after `still_s`: it has fallen by half of the time that passed, or it
    stands. A table's next round is due `round_factor` times its usual length (`round_s` where that is not known, never
    less than `round_s_min` or more than `round_s_max`) and `round_slack_s` after its last. A round that ended more than
    `ahead_s_max` from now says that the provider's clock is wrong; two moments within `same_moment_s` are one, written
    twice. A table that opens later than `opens_s_max` from now does not say when it opens.
    """

    connect_s: float = 2.0
    silence_s: float = 8.0
    relist_s: float = 60.0
    heartbeat_s: float = 1.0
    write_s: float = 0.25
    list_s: float = 1.0
    message_bytes_max: int = 128 * 1024
    frame_bytes_max: int = 4 * 1024 * 1024
    backlog_max: int = 1024
    slice_ms: int = 10
    duty: float = 0.5
    tables_max: int = 500
    still_s: float = 2.0
    round_s: float = 60.0
    round_s_min: float = 20.0
    round_s_max: float = 600.0
    round_factor: float = 1.5
    round_slack_s: float = 15.0
    ahead_s_max: float = 5.0
    same_moment_s: float = 2.0
    opens_s_max: float = 31 * 86_400.0


@dataclass(frozen=True, slots=True)
class PromotionsPolicy:
    """The polled feed. `failures_stale` refused polls in a row and the feed is stale, whatever its age.

    There is one caller, which waits by itself: after failures a poll is held back for `open_ms_max` at most. An offer
    that ends more than `ends_days_max` from now has no end that anybody meant.
    """

    poll_s: float = 5.0
    deadline_ms: int = 2000
    open_ms_max: int = 1000
    failures_stale: int = 2
    retry_after_s_max: float = 30.0
    republish_s: float = 300.0
    offers_max: int = 200
    ends_days_max: int = 3653


@dataclass(frozen=True, slots=True)
class GamesPolicy:
    """The catalogues of games. `failures_stale` refused answers in a row and a provider is stale, whatever its age.

    Of the games that a provider had at the beginning of `shrink_window_s`, at most `shrink_share_max` may be gone at
    its end. A list that takes more away is held, asked for again every `held_poll_s`, and believed when the provider
    has stood by it for `held_s_max`. `rows_max` of a list are looked at; a list of more than `games_max` games is held
    too. A row is read for `slice_ms` until the other feeds have their turn. A game that comes out more than
    `ahead_days_max` from now has no date that anybody meant.
    """

    list_poll_s: float = 60.0
    list_deadline_ms: int = 5000
    csv_poll_s: float = 300.0
    csv_deadline_ms: int = 30_000
    open_ms_max: int = 1000
    body_bytes_max: int = 4 * 1024 * 1024
    connect_s: float = 2.0
    silence_s: float = 8.0
    frame_bytes_max: int = 512 * 1024
    pages_max: int = 500
    rows_max: int = 6000
    games_max: int = 5000
    name_chars_max: int = 80
    ahead_days_max: int = 366
    slice_ms: int = 10
    shrink_share_max: float = 0.2
    shrink_window_s: float = 3600.0
    held_poll_s: float = 5.0
    held_s_max: float = 6 * 3600.0
    failures_stale: int = 2
    write_s: float = 0.25
    parts_at_once: int = 8


FEEDS = house_policy("feeds", FeedsPolicy())
TABLES = house_policy("tables-feed", TablesPolicy())
PROMOTIONS = house_policy("promotions-feed", PromotionsPolicy())
GAMES = house_policy("games-feed", GamesPolicy())
