"""Axe's findings on a page as it is during an outage.

Public: `axe_run`.
"""

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from tests.drills.evidence.value import AxeRun, AxeViolation, Moment

# The rules of WCAG 2.2 AA that a program can check; axe's best-practice advice is left out.
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}
ELEMENTS_MAX = 3
MARKUP_CHARACTERS_MAX = 120


async def axe_run(page: Page, moment: Moment) -> AxeRun:
    """Raises Playwright's errors."""
    found = (await Axe().run(page, options=RULES)).response["violations"]
    return AxeRun(
        moment,
        tuple(
            AxeViolation(
                each["id"],
                each["impact"] or "",
                each["help"],
                tuple(
                    f"{node['target']} {node['html'][:MARKUP_CHARACTERS_MAX]}" for node in each["nodes"][:ELEMENTS_MAX]
                ),
            )
            for each in found
        ),
    )
