"""The drawing as data: rows of processes, the hops between them, and the current state of each.

Public: `system`, `catalogue`.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.drills.console import fault_description, figures
from tests.drills.console.places import Places
from tests.drills.console.sampler import Sample
from tests.drills.proxy.faults import FAULTS, Fault, applies
from tests.drills.proxy.toxic import TTL_S, TTL_S_MAX
from tests.drills.runner.hop_effects import HOPS

# The houses in each row, from the browser downwards. A house that is in none of them is drawn among the fragments,
# where a new one usually belongs.
ROWS = {
    "Browser": ("browser",),
    "Shell and live": ("shell", "bff-live"),
    "Fragments": (),
    "BFF": ("bff-queries", "bff-commands", "bff-feeds", "houses"),
    "Providers": ("sandbox",),
    "Stores": ("valkey", "database", "broker"),
}
_ELSE = "Fragments"


def system(places: Places, sample: Sample, mark: str) -> dict[str, Any]:
    """Everything that the page draws."""
    houses = {process.name: process.house for process in places.processes}
    hops = [_hop(sample, name, hop, mark) for name, hop in sample.hops.items()]
    marked = _marked(sample.hops, houses)
    hops += [_absent(name, reason) for name, reason in sample.absent.items() if _matters(name)]
    names = dict.fromkeys([*houses, *(hop[end] for hop in hops for end in ("caller", "called"))])
    guarded = {breaker["hop"] for hop in hops for breaker in hop["breakers"]}
    callers = Counter(hop["called"] for hop in hops if hop["caller"] != "browser")
    rows: dict[str, list[str]] = {title: [] for title in ROWS}
    for name in sorted(names, key=lambda name: -callers[name]):
        rows[_row(houses.get(name, name))].append(name)
    return {
        "problem": sample.problem,
        "rows": [
            {"title": title, "nodes": [_node(sample, name, guarded) for name in _in_order(rows[title], houses, title)]}
            for title in ROWS
        ],
        "hops": [{**hop, "marked": hop["name"] in marked} for hop in sorted(hops, key=_order)],
    }


def _order(hop: Mapping[str, Any]) -> tuple[str, str]:
    return hop["caller"], hop["called"]


def _marked(hops: Mapping[str, Mapping[str, Any]], houses: Mapping[str, str]) -> set[str]:
    """Hops on which a tester's mark travels: over HTTP, from the browser on, up to a provider."""
    reached, before = {"browser"}, 0
    marked: set[str] = set()
    while len(reached) > before:
        before = len(reached)
        for name, hop in hops.items():
            caller, _, called = name.partition(":")
            public = caller != "browser" or _row(houses.get(called, called)) == "Shell and live"
            if caller in reached and public and "http" in hop["speaks"] and houses.get(caller) != "sandbox":
                marked.add(name)
                reached.add(called)
    return marked


def _row(house: str) -> str:
    return next((title for title, houses in ROWS.items() if house in houses), _ELSE)


def _in_order(names: list[str], houses: Mapping[str, str], title: str) -> list[str]:
    """In the order of its houses; within the BFF, the process with the most callers first."""
    order = () if title == "BFF" else ROWS[title]
    return sorted(names, key=lambda name: order.index(houses.get(name, name)) if order else 0)


def _node(sample: Sample, name: str, guarded: set[str]) -> dict[str, Any]:
    source = sample.sources.get(name)
    others = [
        {"upstream": upstream, "position": position}
        for upstream, position in (source.breakers if source else {}).items()
        if figures.hop_of(name, upstream) not in guarded
    ]
    return {
        "name": name,
        "source": source.state if source else "outside",
        "detail": source.detail if source else "",
        "breakers": others,
    }


def _hop(sample: Sample, name: str, hop: Mapping[str, Any], mark: str) -> dict[str, Any]:
    caller, _, called = name.partition(":")
    source = sample.sources.get(caller)
    broken = [_toxic(each, mark) for each in hop["toxics"]]
    if not hop["enabled"]:
        broken.insert(0, _down(hop))
    return {
        "name": name,
        "caller": caller,
        "called": called,
        "speaks": hop["speaks"],
        "state": "broken" if broken else "well",
        "why": "",
        "connections": hop["connections"],
        "per_s": sample.rates.get(name),
        "faults": broken,
        "breakers": [
            {"hop": name, "upstream": upstream, "position": position}
            for upstream, position in (source.breakers if source else {}).items()
            if figures.hop_of(caller, upstream) == name
        ],
    }


def _matters(name: str) -> bool:
    # Events travel over Valkey, unless there is a broker with an address of its own, which then has a hop, or Kafka,
    # whose hop says what has to be set.
    return not name.endswith(":broker") or name in HOPS


def _absent(name: str, reason: str) -> dict[str, Any]:
    caller, _, called = name.partition(":")
    empty = {"speaks": [], "connections": 0, "per_s": None, "faults": [], "breakers": []}
    return {"name": name, "caller": caller, "called": called, "state": "absent", "why": reason, **empty}


def _toxic(toxic: Mapping[str, Any], mark: str) -> dict[str, Any]:
    return {
        "name": toxic["name"],
        "words": fault_description.fault(toxic["type"], toxic["attributes"]),
        "whom": fault_description.whom(toxic, mark),
        "scope": toxic["scope"],
        "stream": toxic["stream"],
        "left_s": toxic["expires_in_s"],
        "lasts_s": toxic["ttl_s"],
    }


def _down(hop: Mapping[str, Any]) -> dict[str, Any]:
    left_s = hop.get("enabled_in_s", 0.0)
    everybody = {"whom": "everyone", "scope": "everyone", "stream": "both"}
    return {"name": "down", "words": "down", **everybody, "left_s": left_s, "lasts_s": None}


def catalogue(sample: Sample) -> dict[str, Any]:
    """Every fault with its parameters and their bounds, and which of them apply to which hop."""
    return {
        "faults": [_fault(fault) for fault in FAULTS.values()],
        "applicable": {
            name: [fault.name for fault in FAULTS.values() if applies(fault, tuple(hop["speaks"]))]
            for name, hop in sample.hops.items()
        },
        "for_s": {"default": TTL_S, "most": TTL_S_MAX},
    }


def _fault(fault: Fault) -> dict[str, Any]:
    return {
        "name": fault.name,
        "layer": fault.layer.value,
        "claim": fault.claim,
        "streams": list(fault.streams),
        "parameters": [
            {
                "name": each.name,
                "claim": each.claim,
                "value": each.default if each.typical is None else each.typical,
                "number": each.is_number,
                "least": each.least,
                "most": each.most,
                "choices": list(each.choices),
            }
            for each in fault.parameters
        ],
    }
