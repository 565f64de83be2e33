"""How much a page may load of one release.

Public: `files_budget`, `GatePolicy`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bff.resilience.policies import house_policy
from shell.registry.fetch import Copy
from shell.registry.gate.findings import Finding, Level
from shell.registry.gate.rules import Rule
from shell.registry.gate.selector_work import selector_work

NEAR_PERCENT = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePolicy:
    """Changed by `HOUSE_POLICIES` under `gate`. Bytes are those of the files as they are served, uncompressed.

    `selector_steps_max` is what matching all of a release's selectors against one element may take (`selector_work`).
    """

    styles_bytes_max: int = 256 * 1024
    scripts_bytes_max: int = 1024 * 1024
    selector_steps_max: int = 100_000


def files_budget(copy: Copy, policy: GatePolicy | None = None) -> Iterator[Finding]:
    """What the stylesheets and scripts weigh that every page with this fragment loads."""
    policy = policy or house_policy("gate", GatePolicy())
    for field, keys, bytes_max in (
        ("css", copy.css, policy.styles_bytes_max),
        ("js", copy.js, policy.scripts_bytes_max),
    ):
        size = sum(len(copy.files[key].body) for key in keys)
        if size > bytes_max * NEAR_PERCENT / 100:
            level = Level.ERROR if size > bytes_max else Level.WARNING
            message = f"each page loads {size} bytes of it, and {bytes_max} may be"
            remedy = "Split off what is not needed at once, or make it smaller."
            yield Finding(Rule.FILES_BUDGET, level, field, message, remedy, "manifest.json")
    yield from _selectors_budget(copy, policy)


def _selectors_budget(copy: Copy, policy: GatePolicy) -> Iterator[Finding]:
    """What a browser does for each element of a page with this fragment."""
    sheets = {key: asset for key, asset in copy.files.items() if asset.content_type.startswith("text/css")}
    steps = {key: selector_work(bytes(asset.body)) for key, asset in sheets.items()}
    total = sum(steps.values())
    if total > policy.selector_steps_max * NEAR_PERCENT / 100:
        level = Level.ERROR if total > policy.selector_steps_max else Level.WARNING
        message = f"its selectors take a browser {total} steps an element, and {policy.selector_steps_max} may be"
        remedy = "Nest fewer rules in one another, say & once in each, and use less of :has()."
        yield Finding(Rule.FILES_BUDGET, level, "css", message, remedy, max(steps, key=lambda key: steps[key]))
