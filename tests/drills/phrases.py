"""Faults and processes in words for people, for titles of drills and for reports.

Public: `broken`, `amount`, `PHRASES`, `PROVIDER_PHRASES`, `PEOPLES_NAMES`, `Attributes`, `duration`, `capital`.
"""

from collections.abc import Callable, Mapping

from tests.drills.proxy.faults import FAULTS

Attributes = Mapping[str, int | str]
# What the called process did, as its caller saw it. A fault without a phrase is described by its claim in the table.
PHRASES: Mapping[str, Callable[[Attributes], str]] = {
    "down": lambda _: "could not be reached",
    "latency": lambda given: f"answered {duration(_number(given, 'latency'))} late",
    "bandwidth": lambda given: f"answered at {_number(given, 'rate'):g} KB a second",
    "slow_close": lambda given: f"closed connections {duration(_number(given, 'delay'))} late",
    "timeout": lambda _: "did not answer",
    "reset_peer": lambda _: "reset every connection",
    "slicer": lambda _: "answered in small pieces",
    "limit_data": lambda given: f"was cut off after {_number(given, 'bytes'):g} bytes",
    "status": lambda given: f"answered {given.get('status', 503)}",
    "unavailable": lambda _: "answered 503 with a Retry-After",
    "throttled": lambda _: "answered 429 with a Retry-After",
    "error_page": lambda _: "answered 200 with an error page",
    "malformed": lambda given: f"answered nonsense ({given.get('how', 'garbage')})",
    "oversize": lambda _: "answered far too much",
    "bomb": lambda _: "answered with a compression bomb",
    "redirect": lambda given: f"redirected ({given.get('to', 'elsewhere')})",
    "truncated": lambda given: f"was cut off {_number(given, 'bytes'):g} bytes into its answer",
    "wrong_type": lambda _: "answered under another content type",
    "stale_clock": lambda given: f"answered with a clock that is {duration(_number(given, 'seconds') * 1000)} off",
    "slow_first_byte": lambda given: f"kept each answer back by {duration(_number(given, 'delay'))}",
    "silence": lambda _: "kept its sockets open and sent nothing",
    "gap": lambda given: f"lost every message of {_number(given, 'every'):g}",
    "duplicate": lambda _: "sent every message again",
    "duplicate_event": lambda _: "gave every event more than once",
    "reorder": lambda _: "sent messages in the opposite order",
    "flood": lambda given: f"sent {_number(given, 'rate'):g} messages a second",
    "close_code": lambda given: f"closed its sockets with code {given.get('code', 1011)}",
}

# What a sandbox provider does by its own switch.
PROVIDER_PHRASES: Mapping[str, str] = {
    "answer_lost": "did what it was asked to do and never answered",
    "bets_down": "took no bets",
    "bets_unanswered": "took bets and never answered",
    "business_error": "answered that it had failed",
    "close": "closed every connection",
    "cold": "woke from sleep for each request",
    "crash": "died in the middle of each request",
    "csv_cut": "sent half a file as if it were whole",
    "csv_empty": "sent a file without games",
    "csv_error": "answered with errors",
    "csv_half": "sent half of its games",
    "decline": "declined everything",
    "down": "could not be reached",
    "error": "answered with errors",
    "flood": "sent far too many messages",
    "frozen": "sent the same moment again and again",
    "list_error": "answered with errors",
    "list_half": "sent half of its games",
    "list_lying": "sent nonsense among its games",
    "list_silence": "did not answer",
    "malformed": "sent nonsense",
    "oversize": "sent far too much",
    "push_close": "closed every connection",
    "push_gap": "left changes out",
    "push_purge": "took one game after another away",
    "push_silence": "said nothing",
    "replay": "sent yesterday's messages",
    "silence": "kept its connections open and sent nothing",
    "skewed": "sent messages of minutes ahead",
    "slow": "answered slowly",
    "throttle": "refused to be asked so often",
    "video_frozen": "sent a video that stands still",
    "video_missing": "sent no video",
    "video_stalled": "sent a video that stalls",
    "webhook_held": "did not say when it was done",
    "webhook_twice": "said everything twice",
}
# The parts of the system in words for a person who does not know it.
PEOPLES_NAMES: Mapping[str, str] = {
    "bff-commands": "the transaction engine",
    "bff-live": "the live socket",
    "bff-queries": "the read side",
    "browser": "browsers",
    "games": "the catalogue of games",
    "ingest": "the intake of feeds",
    "live-dealer": "the live tables",
    "offers-intake": "the intake of offers",
    "projector": "the projector",
    "relay": "the relay",
    "sandbox-games": "the games providers",
    "sandbox-payments": "the payment provider",
    "sandbox-promotions": "the promotions provider",
    "sandbox-tables": "the table provider",
    "shell": "the shell",
    "valkey": "Valkey",
    "wallet": "the wallet",
    "*": "everybody",
}
DECIMALS = {"JPY": 0}


def broken(hop: str, fault: str, attributes: Attributes) -> str:
    """What the called process did, as its caller saw it: “Promotions answered 3 s late”, without a full stop. A `hop`
    without a colon is a provider that fails by its own switch."""
    caller, is_hop, called = hop.partition(":")
    if not is_hop:
        return f"{capital(_name(hop))} {PROVIDER_PHRASES.get(fault, f'was broken ({fault})')}"
    phrase = PHRASES.get(fault)
    saw = "" if caller == "shell" else f" (as {_name(caller)} saw it)"
    if phrase is None:
        claim = FAULTS[fault].claim.rstrip(".").lower() if fault in FAULTS else fault
        return f"{capital(_name(called))} was broken ({claim}){saw}"
    return f"{capital(_name(called))} {phrase(attributes)}{saw}"


def amount(minor: int, currency: str) -> str:
    """Minor units in a form for people: 12500 EUR is 125.00 EUR."""
    decimals = DECIMALS.get(currency, 2)
    return f"{minor / 10**decimals:,.{decimals}f} {currency}".rstrip()


def duration(ms: float) -> str:
    """Milliseconds in a form for people: 580 ms, 3.3 s, 2 min."""
    if abs(ms) < 1000:
        return f"{ms:.0f} ms"
    if abs(ms) < 120_000:
        return f"{ms / 1000:.1f}".removesuffix(".0") + " s"
    if abs(ms) < 2 * 3_600_000:
        return f"{ms / 60_000:.0f} min"
    return f"{ms / 3_600_000:.0f} h"


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _name(process: str) -> str:
    return PEOPLES_NAMES.get(process, process)


def _number(given: Attributes, name: str) -> float:
    found = given.get(name, 0)
    return found if isinstance(found, int) else 0
