"""Verbs of two real processes at the same moment on one database: one consistent state, true answers, and one audit
line for each effect.
"""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.origin import publishing
from tests.origin.server import Origin
from tests.support.postgres_server import PostgresServer
from tests.support.registry_racer import Done, Racer

pytestmark = pytest.mark.timeout(300)
PERCENT = 100


@dataclass
class Race:
    left: Racer
    right: Racer

    def begin(self, *versions: str, trial: str = "") -> int:
        """The newest line of the audit before the race."""
        return int(self.left.does("begin", versions=list(versions), trial=trial)["newest"])

    def run(self, left: tuple[str, dict[str, Any]], right: tuple[str, dict[str, Any]], number: int) -> list[Done]:
        """The output of each process. In every other round the second one is started first."""
        both = [self.left, self.right]
        for racer, (verb, given) in zip(both, (left, right), strict=True):
            racer.prepare(verb, **given)
        return self.go(number)

    def go(self, number: int) -> list[Done]:
        """Starts both prepared processes at once and returns their results."""
        both = [self.left, self.right]
        for racer in both if number % 2 else reversed(both):
            racer.go()
        return [racer.done() for racer in both]

    def state(self, fragment: str = "poll", after: int = 0) -> dict[str, Any]:
        return self.left.does("state", fragment=fragment, after=after)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def race(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Race]:
    folder: Path = tmp_path_factory.mktemp("race")
    environ = {"MULLION_DATA": str(folder), "SHELL_DATABASE_URL": f"sqlite:///{folder}/shell.sqlite3"}
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        environ["SHELL_DATABASE_URL"] = server.url("registry_race")
    with ExitStack() as stack:
        both = [stack.enter_context(Racer(name, environ)) for name in ("left", "right")]
        both[0].does("migrate")
        yield Race(*both)


def replayed(lines: list[dict[str, str]], live: str, trial: str) -> tuple[str, str, int, bool]:
    """The live release, the trial, its share and whether it is paused, computed from the audit."""
    share, paused = (10 * PERCENT, False) if trial else (0, False)
    for line in lines:
        match line["action"]:
            case "canary":
                assert trial in ("", line["version"]), "two trials at once"
                trial, share, paused = line["version"], round(float(line["detail"].split()[0]) * PERCENT), False
            case "promoted":
                assert line["version"] == trial, "what was promoted was not on trial"
                live, trial, share, paused = trial, "", 0, False
            case "canary_rolled_back":
                assert line["version"] == trial, "a trial ended that was none"
                trial, share, paused = "", 0, False
            case "rolled_back":
                live = line["version"]
            case "paused":
                assert trial == line["version"], "what is paused is on trial"
                paused = True
            case other:
                pytest.fail(f"nobody did this: {other}")
    return live, trial, share, paused


CANARY_2 = ("canary", {"name": "poll", "percent": 25, "release": "2", "promotes": False, "steps": ""})
CANARY_3 = ("canary", {"name": "poll", "percent": 50, "release": "3", "promotes": False, "steps": ""})
PROMOTE = ("promote", {"name": "poll", "expect": ""})
PAUSE = ("pause", {"name": "poll"})
ROLLBACK = ("rollback", {"name": "poll", "to": "", "reason": "", "expect": "2"})
# Two verbs, what is on trial before, and the numbers of effects that they can have together.
PAIRS = [
    pytest.param(PROMOTE, ROLLBACK, "2", {1, 2}, id="promote-rollback"),
    pytest.param(PAUSE, PROMOTE, "2", {1, 2}, id="pause-promote"),
    pytest.param(CANARY_2, CANARY_3, "", {1}, id="two-canaries"),
    pytest.param(PROMOTE, PROMOTE, "2", {1}, id="two-promotions"),
    pytest.param(ROLLBACK, ROLLBACK, "2", {1}, id="one-rollback-sent-twice"),
    pytest.param(CANARY_2, ROLLBACK, "2", {2}, id="share-rollback"),
]


@pytest.mark.parametrize("rounds", [4, pytest.param(12, marks=pytest.mark.full)])
@pytest.mark.parametrize(("left", "right", "trial", "effects"), PAIRS)
def test_two_verbs_at_one_moment_are_one_after_the_other(
    race: Race,
    left: tuple[str, dict[str, Any]],
    right: tuple[str, dict[str, Any]],
    trial: str,
    effects: set[int],
    rounds: int,
) -> None:
    """The replayed audit equals the state; a verb that reported an effect has a line, and a refused one has none."""
    for number in range(rounds):
        newest = race.begin("1", "2", "3", trial=trial)
        answers = race.run(left, right, number)
        state = race.state(after=newest)
        lines, [live] = state["lines"], state["live"]
        live_replayed, trial_replayed, share, paused = replayed(lines, "1", trial)
        assert live == live_replayed
        assert state["trials"] == (
            [{"version": trial_replayed, "share": share, "paused": paused}] if trial_replayed else []
        )
        assert len(lines) in effects, lines
        for name, (verb, _), done in zip(("left", "right"), (left, right), answers, strict=True):
            own = [line for line in lines if line["actor"] == name]
            assert len(own) == (0 if done.refused else 1), (verb, done, lines)
            if done.refused:
                assert done.refused in ("RolloutRefused", "RollbackRefused"), done
                assert "othing was changed" in done.words or "nothing was changed" in done.words
            elif verb == "rollback":
                came_back = own[0]["action"] == "rolled_back"
                assert done.answer["changed"]
                assert own[0]["version"] == (done.answer["version"] if came_back else done.answer["from_version"])
            else:
                assert own[0]["version"] == done.answer["version"]


@pytest.mark.parametrize("same", [False, True], ids=["other-bytes", "same-bytes"])
async def test_one_version_published_by_two_at_one_moment_is_one_release(
    race: Race, monkeypatch: pytest.MonkeyPatch, same: bool
) -> None:
    """With different bytes one is refused and audited as refused; with equal bytes both report the one release."""
    name = "twin" if same else "origin"
    async with Origin(name=name) as origin:
        given = {"url": f"{origin.url}/manifest.json", "fragment": name}
        await asyncio.to_thread(race.left.prepare, "publish", **given)
        if not same:
            monkeypatch.setattr(publishing, "FALLBACK", b"<p>another</p>")
        await asyncio.to_thread(race.right.prepare, "publish", **given)
        answers = await asyncio.to_thread(race.go, 0)
    state = race.state(name)
    [(version, digest)] = state["releases"]
    assert (state["live"], state["trials"]) == ([version], [])
    actions = {line["actor"]: line["action"] for line in state["lines"]}
    if same:
        assert [*actions.values()] == ["published"]
        assert {done.answer["digest"] for done in answers} == {digest}
        changed = {each for each, done in zip(("left", "right"), answers, strict=True) if done.answer["changed"]}
        assert changed == {*actions}
    else:
        assert len(state["lines"]) == 2
        by_actor = dict(zip(("left", "right"), answers, strict=True))
        [won] = [each for each, action in actions.items() if action == "published"]
        [lost] = [each for each, action in actions.items() if action == "refused"]
        assert by_actor[won].answer["digest"] == digest
        assert by_actor[lost].refused == "VersionTaken"
        assert digest[:12] in by_actor[lost].words
