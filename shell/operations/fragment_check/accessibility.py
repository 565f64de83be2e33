"""WCAG 2.2 AA as far as a program can judge it, of the fragment's own HTML.

Public: `broken_rules`.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from shell.registry.gate.findings import Finding, Level
from shell.registry.gate.rules import Rule

if TYPE_CHECKING:
    from playwright.sync_api import Page

_OPTIONS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}
_CONTEXT = {"include": [["fragment-slot"]]}
_NODES_MAX = 3


def broken_rules(page: "Page", where: str) -> Iterator[Finding]:
    """A finding for each rule that the slot breaks; serious ones keep people out."""
    from axe_playwright_python.sync_playwright import Axe

    for found in Axe().run(page, context=_CONTEXT, options=_OPTIONS).response["violations"]:
        serious = found["impact"] in ("serious", "critical")
        nodes = "; ".join(" ".join(node["html"].split())[:120] for node in found["nodes"][:_NODES_MAX])
        message = f"{found['help']} ({found['id']}, {found['impact']}): {nodes}"
        yield Finding(Rule.AXE, Level.ERROR if serious else Level.WARNING, where, message, _remedy(found))


def _remedy(found: Any) -> str:
    lines = found["nodes"][0].get("failureSummary", "").splitlines()
    return "; ".join(line.strip() for line in lines[1:3]) or f"See {found['helpUrl']}"
