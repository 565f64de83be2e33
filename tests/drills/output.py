"""The output of `manage.py drill` for a terminal.

Public: `applicable`, `broken`, `faults`, `healed`, `hit`, `hops`, `marked`, `shown`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.drills.mark import COOKIE, LIFE_S
from tests.drills.proxy.faults import Fault, Parameter, applies

Hops = Mapping[str, Mapping[str, Any]]


def hops(found: Hops, absent: Mapping[str, str]) -> str:
    """One line for each hop."""
    rows = [("HOP", "TRAVELS", "CONNECTIONS", "STATE")]
    for name, hop in sorted(found.items()):
        rows.append((name, "+".join(hop["speaks"]) or "anything", str(hop["connections"]), _state(hop)))
    lines = [*_table(rows)]
    lines += [f"{name}: not a hop, because {reason}" for name, reason in sorted(absent.items())]
    return "\n".join(lines)


def faults(table: Iterable[Fault]) -> str:
    """One line for each fault and one for each parameter."""
    lines = []
    for fault in table:
        lines.append(f"{fault.name} ({fault.layer.value}): {fault.claim}")
        lines += [f"    {parameter(each)}" for each in fault.parameters]
    return "\n".join(lines)


def parameter(found: Parameter) -> str:
    """`name=default: claim, limits`."""
    if found.choices:
        limits = f" ({', '.join(found.choices)})"
    else:
        limits = f" ({found.least} to {found.most})" if found.is_number else ""
    return f"{found.name}={found.default}: {found.claim}{limits}"


def applicable(found: Hops, table: Iterable[Fault]) -> str:
    """Every hop with the faults that apply to it."""
    faults = list(table)
    rows = []
    for name, hop in sorted(found.items()):
        rows.append((name, " ".join(each.name for each in faults if applies(each, tuple(hop["speaks"])))))
    count = sum(len(names.split()) for _, names in rows)
    return "\n".join([*_table(rows), f"{len(rows)} hops, {count} ways to break one"])


def broken(hop: str, done: Mapping[str, Any]) -> str:
    """What was broken, for whom, until when."""
    if "type" in done:
        what, left_s = f"{_fault(done)}, for {_whom(done)}", done["expires_in_s"]
    else:
        what, left_s = "down, for everyone", done["enabled_in_s"]
    return f"{hop} is broken: {what}. It heals by itself in {left_s:.0f} s; at once: manage.py drill heal {hop}"


def healed(broken: Sequence[str]) -> str:
    return "\n".join(f"healed: {each}" for each in broken) or "Nothing was broken."


def marked(value: str) -> str:
    """What to do with a mark."""
    name, hours = value.partition(".")[0], LIFE_S // 3600
    return "\n".join(
        [
            f"This is the mark of {name}, valid for this run and at most {hours} hours. To break a hop for it alone:",
            "  manage.py drill break HOP FAULT --session MARK",
            "A browser carries it as a cookie. Open the lobby, and enter in the console of its developer tools:",
            f'  document.cookie = "{COOKIE}={value}; path=/; SameSite=Lax"',
            f'To remove it: document.cookie = "{COOKIE}=; path=/; Max-Age=0"',
            "In Playwright:",
            f'  context.add_cookies([{{"name": "{COOKIE}", "value": MARK, "url": "http://localhost:8000"}}])',
        ]
    )


def shown(found: Hops) -> str:
    """The active faults, one line each."""
    rows = [("HOP", "FAULT", "FOR", "DIRECTION", "HIT", "HEALS IN")]
    for name, hop in sorted(found.items()):
        if not hop["enabled"]:
            rows.append((name, "down", "everyone", "both", "not counted", f"{hop.get('enabled_in_s', 0):.0f} s"))
        for toxic in hop["toxics"]:
            left = f"{toxic['expires_in_s']:.0f} s"
            rows.append((name, _fault(toxic), _whom(toxic), toxic["stream"], hit(toxic), left))
    return "\n".join(_table(rows)) if len(rows) > 1 else "Nothing is broken."


def _state(hop: Mapping[str, Any]) -> str:
    broken = [each["type"] for each in hop["toxics"]]
    return ", ".join(broken if hop["enabled"] else ["down", *broken]) or "well"


def hit(toxic: Mapping[str, Any]) -> str:
    """`12 requests`, or `1 connection`."""
    count, of = toxic["hits"], toxic["hits_of"]
    return f"{count:,} {of.removesuffix('s') if count == 1 else of}"


def _fault(toxic: Mapping[str, Any]) -> str:
    return " ".join([toxic["type"], *(f"{name}={value}" for name, value in toxic["attributes"].items())])


def _whom(toxic: Mapping[str, Any]) -> str:
    if toxic["scope"] == "session":
        return f"the session {toxic['session']}"
    return "everyone" if toxic["scope"] == "everyone" else f"{toxic['toxicity']:.0%}"


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))] if rows else []
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
