"""Axe's findings on an open page, with every open shadow root in it.

Public: `findings`.
"""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# The rules of WCAG 2.2 AA that a program can check; axe's best-practice advice is left out.
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}
_SHOWN_MAX = 3
# What holds is not sent: on a large page that is much more than what does not.
_RUN = "options => axe.run(document, options).then(found => found.violations)"


def findings(page: Page) -> list[str]:
    """One sentence for each broken rule, with the first elements that break it."""
    if page.evaluate("typeof axe === 'undefined'"):  # a page that is looked at again has it
        page.evaluate(Axe().axe_script)
    violations = page.evaluate(_RUN, _RULES)
    return [
        f"{found['impact']} {found['id']}: {found['help']}: "
        + "; ".join(f"{node['target']} {node['html'][:120]}" for node in found["nodes"][:_SHOWN_MAX])
        for found in violations
    ]
