"""Figures from raw data: rates from two counts, breakers from Prometheus' text format.

Public: `rate`, `breakers`, `hop_of`.
"""

from prometheus_client.parser import text_string_to_metric_families

POSITION = "mullion_breaker_position"
# Guards with another name than the process that they call.
_CALLED = {
    "payments": "sandbox-payments",
    "games-csv": "sandbox-games",
    "games-list": "sandbox-games",
    "promotions-provider": "sandbox-promotions",
    "bets": "sandbox-tables",
    "bets.place": "sandbox-tables",
    "seamless-wallet": "bff-commands",
}


def rate(before: int, after: int, seconds: float) -> float | None:
    """Events a second; None if the count was reset, or no time has passed."""
    return round((after - before) / seconds, 1) if seconds > 0 and after >= before else None


def breakers(text: str) -> dict[str, str]:
    """The state of the breaker for each upstream, from a process's `/metrics`; raises ValueError."""
    lines = "\n".join(line for line in text.splitlines() if line.startswith((POSITION, f"# TYPE {POSITION}")))
    found = {}
    for family in text_string_to_metric_families(lines + "\n"):
        for sample in family.samples:
            if sample.value == 1:
                found[sample.labels["upstream"]] = sample.labels["position"]
    return found


def hop_of(process: str, upstream: str) -> str:
    """The hop that the breaker for `upstream` in `process` guards."""
    return f"{process}:{_CALLED.get(upstream, upstream.removesuffix('.actions'))}"
