"""What a browser without JavaScript does with a page that was sent without a cold function."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Route, expect

from shell.security import header_list
from tests.support.function_pages import COLD_MS, WARM_MS, FunctionPages
from tests.support.simulated_time import run


async def _cold_and_warm() -> dict[str, str]:
    """A page that met a cold function, and the one that its reader then gets, by their queries."""
    shell = FunctionPages()
    shell.took_ms["wallet"] = COLD_MS
    cold = await shell.page()
    await asyncio.sleep(COLD_MS / 1000)
    shell.took_ms["wallet"] = WARM_MS
    return {"": cold, "reload=1": await shell.page("reload=1")}


@pytest.mark.parametrize("scripts", [False, True])
def test_browser_without_scripts_gets_the_page_again_by_itself(browser: Browser, scripts: bool) -> None:
    """Under the policy that pages have. One with scripts heals the slot alone, and stays where it is."""
    with ThreadPoolExecutor(1) as pool:  # Playwright's own event loop runs in this thread
        documents = pool.submit(run, _cold_and_warm()).result()
    queries: list[str] = []

    def answer(route: Route) -> None:
        url = urlsplit(route.request.url)
        if url.path != "/":
            return route.fulfill(status=404, body="")
        queries.append(url.query)
        headers = {**dict(header_list()), "content-type": "text/html; charset=utf-8"}
        # The page says after how many seconds; here nobody waits for them.
        return route.fulfill(body=re.sub(r'content="\d+;url', 'content="1;url', documents[url.query]), headers=headers)

    with browser.new_context(java_script_enabled=scripts) as context:
        page = context.new_page()
        page.route("**/*", answer)
        page.goto("http://shell.test/")
        if scripts:
            assert page.locator("noscript").count() == 1
            assert page.locator("meta[http-equiv=refresh]").count() == 0
        else:
            page.wait_for_url("http://shell.test/?reload=1", timeout=60_000)
            expect(page.locator("#slot-wallet[data-state=fresh]")).to_have_text("wallet answers")
    assert queries == ([""] if scripts else ["", "reload=1"])
