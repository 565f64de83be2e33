"""The bench with a team's first fragment, under axe: the small form of `test_gallery.py`, which has all fragments."""

from pathlib import Path

from playwright.sync_api import Browser

from fragments.cli.scaffold.write import files_of, write
from shell.operations.workbench.states import BenchState, Cell
from tests.support.accessibility import findings
from tests.support.bench import Dev
from tests.support.lobby import wait_for


def test_nothing_serious_is_wrong_in_any_state_of_what_a_team_begins_with(tmp_path: Path, browser: Browser) -> None:
    """No rule of WCAG 2.2 AA is broken in any state of a scaffolded fragment, at 390 px and in dark."""
    write(tmp_path / "poll", files_of("poll", "python"))
    dev, broken = Dev(tmp_path / "poll"), {}
    context = browser.new_context(viewport={"width": 390, "height": 800})
    # As on the wall, no script runs: a slot that heals meanwhile would be in another state.
    context.route("**/*.js", lambda route: route.abort())
    try:
        wait_for(lambda: dev.slot(BenchState.FRESH)[0] == ("fresh", ""), 60)
        page = context.new_page()
        for state in BenchState:
            page.goto(f"{dev.url}/cells/{Cell('poll', state=state).key}/?theme=dark")
            broken[state] = findings(page)
    finally:
        context.close()
        dev.end()
    assert broken == {state: [] for state in BenchState}
