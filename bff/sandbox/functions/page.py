"""Environments that come and go, and the bill, as a page for people.

Public: `page`.
"""

import time
from html import escape

from bff.sandbox.functions.environment import Environment
from bff.sandbox.functions.pool import Pool

# A sandbox serves no files of the house, so its look stands here: the same colours as static/tokens.css.
_HEAD = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="1"><title>%s · functions</title><style>
:root { color-scheme: light dark; --bg: #f4f5f7; --card: #fff; --line: #d7dce4; --text: #151a22; --dim: #566172;
  --busy: #8a5a00; --idle: #12703f; font: .9375rem/1.5 Inter, "Segoe UI", system-ui, sans-serif }
@media (prefers-color-scheme: dark) { :root { --bg: #0e1116; --card: #161b23; --line: #2b3442; --text: #eef2f7;
  --dim: #a3afc0; --busy: #f2b84b; --idle: #4fd08a } }
body { margin: 0 auto; max-width: 60rem; padding: 24px 16px; background: var(--bg); color: var(--text) }
h1 { font-size: 1.5rem; line-height: 1.2; margin: 0 } h2 { font-size: 1.125rem; margin: 32px 0 8px }
p { margin: 4px 0 24px; color: var(--dim) } ol { list-style: none; margin: 0; padding: 0 }
.places { display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); gap: 8px }
li { font-variant-numeric: tabular-nums } .places li { min-height: 5.25rem; box-sizing: border-box; padding: 8px 16px;
  background: var(--card); border: 1px solid var(--line); border-radius: 8px }
li b, li span { display: block } li span, .ended li { color: var(--dim) } .places .busy { border-color: var(--busy) }
.busy b { color: var(--busy) } .idle b { color: var(--idle) } .places .starting { border-style: dashed }
.places .free { display: grid; place-items: center; background: none; color: var(--dim) }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); gap: 16px 8px; margin: 0 }
dt { color: var(--dim) } dd { margin: 0; font-size: 1.125rem; font-variant-numeric: tabular-nums }
</style><h1>%s, as a function</h1>"""


def page(name: str, pool: Pool) -> bytes:
    """HTML, made anew each second by the browser."""
    now, policy, title = time.monotonic(), pool.policy, escape(name)
    standing = sorted(pool.environments, key=lambda each: each.number)
    free = policy.environments_max - len(standing)
    places = [_place(each, now) for each in standing] + ['<li class="free">free</li>'] * free
    ended = "".join(
        f"<li>No. {number}: {_requests(requests)} in {_age(lived_s)}</li>" for number, requests, lived_s in pool.ended
    )
    lead = (
        f"<p>{len(standing)} of {policy.environments_max} environments stand. Each serves one request at a time and "
        f"ends once it was idle for {policy.idle_s:g} s; one more than there are places for is refused.</p>"
    )
    return (
        _HEAD % (title, title)
        + lead
        + f'<ol class="places">{"".join(places)}</ol>'
        + (f'<h2>Ended last</h2><ol class="ended">{ended}</ol>' if ended else "")
        + f"<h2>What it would be billed</h2><dl>{_figures(pool, now)}</dl>"
    ).encode()


def _place(each: Environment, now: float) -> str:
    about = f"<span>No. {each.number}, {_age(now - each.began_at)} old</span><span>{_requests(each.requests)}</span>"
    return f'<li class="{each.state}"><b>{each.state}</b>{about}</li>'


def _figures(pool: Pool, now: float) -> str:
    bill = pool.bill
    stood_s = bill.reserved_s + sum(now - each.began_at for each in pool.environments)
    figures = {
        "Requests": f"{bill.requests:,}",
        "Of them cold": f"{bill.cold_starts:,}",
        "Milliseconds": f"{bill.billed_ms:,}",
        f"GB-seconds at {bill.memory_mb} MB": f"{bill.gb_seconds:,.2f}",
        "Environments stood for": _age(stood_s),
        "Refused": f"{bill.throttled:,}",
        "Failed": f"{bill.failed:,}",
    }
    return "".join(f"<div><dt>{term}</dt><dd>{value}</dd></div>" for term, value in figures.items())


def _requests(number: int) -> str:
    return f"{number:,} request{'' if number == 1 else 's'}"


def _age(seconds: float) -> str:
    """In seconds up to two minutes, then in minutes."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} min"
