"""Metrics of composition. Outcomes are counted with the same words as in the log line and the DOM."""

from functools import lru_cache

from prometheus_client import Counter, Histogram

from bff.resilience.outcome import State
from bff.resilience.reason import Reason

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 2.5)

INCLUDES = Counter(
    "mullion_includes_total",
    "Includes by their outcome; upstream is who failed.",
    ["fragment", "state", "reason", "upstream"],
)
INCLUDE_SECONDS = Histogram("mullion_include_seconds", "What an include took.", ["fragment"], buckets=_BUCKETS)
VERSION_SKEW = Counter(
    "mullion_version_skew_total", "Includes that another version than the live release's answered.", ["fragment"]
)
FUNCTION_CALLS = Counter(
    "mullion_function_calls_total",
    "Calls of fragments that are functions: warm, cold or failed.",
    ["fragment", "start"],
)
PAGES = Counter("mullion_pages_total", "Pages composed, by status.", ["page", "status"])
PAGES_LEFT = Counter("mullion_pages_left_total", "Pages whose browser left before the last slot.", ["page"])


@lru_cache(maxsize=1024)
def includes(fragment: str, state: State, reason: Reason | None, upstream: str) -> Counter:
    """The counter of these outcomes; to look labels up costs more than to count."""
    return INCLUDES.labels(fragment, str(state), str(reason or ""), upstream)


@lru_cache(maxsize=1024)
def include_seconds(fragment: str) -> Histogram:
    """What includes of this fragment took."""
    return INCLUDE_SECONDS.labels(fragment)


@lru_cache(maxsize=1024)
def pages(page: str, status: str) -> Counter:
    """The counter of these pages."""
    return PAGES.labels(page, status)
