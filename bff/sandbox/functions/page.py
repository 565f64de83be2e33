"""Environments that come and go, and the bill, as a page for people.

Public: `page`.
"""

import time
from html import escape

from bff.sandbox.functions.pool import Pool

_HEAD = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="1"><title>%s · functions</title><style>
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { margin: 2rem auto; max-width: 44rem; padding: 0 1rem }
ol { display: grid; grid-template-columns: repeat(auto-fill, minmax(7.5rem, 1fr)); gap: .5rem; padding: 0 }
ol { list-style: none }
li { border: 1px solid color-mix(in srgb, currentColor 25%%, transparent); border-radius: .5rem; padding: .5rem .75rem }
li b { display: block } .busy { border-color: #2a78d6; border-width: 2px } .starting { border-style: dashed }
.free { opacity: .45 } dl { display: grid; grid-template-columns: auto 1fr; gap: .1rem 1rem } dd { margin: 0 }
</style><h1>%s</h1>"""


def page(name: str, pool: Pool) -> bytes:
    """HTML, made anew each second by the browser."""
    now, bill = time.monotonic(), pool.bill
    rows = [
        f'<li class="{each.state}"><b>{each.state}</b>no. {each.number}, {now - each.began_at:.0f} s old<br>'
        f"{each.requests} request{'' if each.requests == 1 else 's'}</li>"
        for each in sorted(pool.environments, key=lambda each: each.number)
    ]
    free = pool.policy.environments_max - len(rows)
    rows += ['<li class="free"><b>none</b></li>'] * free
    standing = bill.reserved_s + sum(now - each.began_at for each in pool.environments)
    figures = {
        "Requests": f"{bill.requests}, of them {bill.cold_starts} cold",
        "Billed": f"{bill.billed_ms} ms, {bill.gb_seconds:.2f} GB-seconds at {bill.memory_mb} MB",
        "Environments stood there": f"{standing:.0f} s",
        "Throttled, failed": f"{bill.throttled}, {bill.failed}",
    }
    words = "".join(f"<dt>{term}</dt><dd>{value}</dd>" for term, value in figures.items())
    lead = f"<p>{len(rows) - free} of {pool.policy.environments_max} environments.</p>"
    title = escape(name)
    return (_HEAD % (title, title) + lead + f"<ol>{''.join(rows)}</ol><dl>{words}</dl>").encode()
