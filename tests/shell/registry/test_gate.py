"""The publishing gate: a release that breaks a rule is refused by field, line and remedy, unless operators waive the
rule.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from asgiref.sync import sync_to_async
from django.core.management import CommandError, call_command

from shell.composition.page import Page, PageTable, Slot
from shell.registry import models, waivers
from shell.registry.analysis import AnalysisPolicy, Sample
from shell.registry.gate.budgets import GatePolicy
from shell.registry.gate.rules import Rule, Stage, is_waivable, stage_of
from shell.registry.history import NotFound, show_check, show_fragment
from shell.registry.origins import Origins
from shell.registry.publish import Published, PublishRefused, Trial, publish
from shell.registry.rollout import RolloutRefused, promote, rollout_of
from shell.registry.trial_controller import review
from shell.registry.waivers import WaiverRefused, enforce, list_rules, waive
from tests.support.mullion import ROOT
from tests.support.release_mistakes import MISTAKES
from tests.support.release_mistakes import WELL as MISTAKEN
from tests.support.route_server import Answer, RouteServer

pytestmark = pytest.mark.django_db(transaction=True)
LOOPBACK = Origins([], loopback=True)
VERSION = {"podlet-version": "1.0.0"}
MANIFEST = """{
  "name": "poll",
  "version": "1.0.0",
  "content": "/",
  "fallback": "/fallback"
}"""
WELL = {
    "/manifest.json": Answer(MANIFEST, "application/json"),
    "/": Answer("<section>\n<h2>Red or black?</h2>\n</section>", headers=VERSION),
    "/fallback": Answer("<p>The poll is closed.</p>", headers=VERSION),
}
BARE = {"/manifest.json": Answer(MANIFEST.replace(',\n  "fallback": "/fallback"', ""), "application/json")}


def content(body: str, **more: object) -> dict[str, Answer]:
    return {"/": Answer(body, headers=VERSION, **more)}  # type: ignore[arg-type]


async def published(
    changes: Mapping[str, Answer] = {}, *, trial: Trial | None = None, version: str = "1.0.0"
) -> Published:
    answers = {**WELL, **changes}
    for path, answer in answers.items():
        body = answer.body.replace("1.0.0", version) if isinstance(answer.body, str) else answer.body
        headers = {name: value.replace("1.0.0", version) for name, value in answer.headers.items()}
        answers[path] = Answer(body, answer.content_type, answer.status, headers, answer.close, answer.wait_s)
    async with RouteServer(answers) as server:
        url = f"{server.url}/manifest.json"
        return await publish(url, origins=LOOPBACK, actor="tests", move=True, trial=trial)


async def test_release_that_breaks_no_rule_is_live_and_its_check_is_kept() -> None:
    """The stored check says what pages show under each fault."""
    done = await published()
    assert (done.changed, done.findings) == (True, ())
    check = (await sync_to_async(show_fragment)("poll")).check
    assert check is not None
    assert (check.version, check.digest, check.findings) == ("1.0.0", done.digest, [])
    [rehearsal] = check.rehearsals
    faults = ("refused", "slow", "cut", "500", "huge", "hostile", "stale")
    assert (rehearsal.where, rehearsal.shown) == ("publish.content", dict.fromkeys(faults, "fallback"))


@pytest.mark.parametrize("mistake", MISTAKES)
async def test_mistake_is_held_against_every_publish_with_field_line_and_remedy(mistake: str) -> None:
    """The findings are those of `fragment check`. Of a refused release only the refusal and its reason are stored."""
    expected = MISTAKES[mistake]
    field, place, message, remedy = expected.finding
    field = field.replace("content", "publish.content")
    answers = {**MISTAKEN, **expected.changes}
    if expected.published or expected.level == "warning":
        found = (await published(answers)).findings
        message, remedy = expected.published or message, "" if expected.published else remedy
    else:
        with pytest.raises(PublishRefused) as refused:
            await published(answers)
        found = waivers.views_of(refused.value.findings, {})
        assert not await models.Release.objects.aexists()
        assert not await models.Assessment.objects.aexists()
        entry = await models.AuditEntry.objects.aget()
        assert (entry.action, entry.changes_pages) == ("refused", False)
        assert (entry.fragment == "poll") is (expected.rule != "manifest")
        assert message in entry.detail
    matching = [each for each in found if (each.rule, each.field, each.place) == (expected.rule, field, place)]
    assert any(message in each.message and remedy in each.remedy for each in matching), found


async def test_styles_that_every_page_would_load_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Close to the limit there is a warning, above it the release is refused."""
    styled = MANIFEST.replace('"content": "/"', '"content": "/", "css": [{"value": "/poll.css"}]')
    changes = {
        "/manifest.json": Answer(styled, "application/json"),
        "/poll.css": Answer("p { color: red }\n" * 10, "text/css"),
    }
    monkeypatch.setattr("shell.registry.gate.budgets.GatePolicy", lambda: GatePolicy(styles_bytes_max=190))
    done = await published(changes)
    assert [(each.rule, each.level, each.field) for each in done.findings] == [("files-budget", "warning", "css")]
    monkeypatch.setattr("shell.registry.gate.budgets.GatePolicy", lambda: GatePolicy(styles_bytes_max=100))
    with pytest.raises(PublishRefused, match="170 bytes of it, and 100 may be"):
        await published(changes)


async def test_selectors_that_would_hold_up_every_page_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Close to the limit there is a warning; above it the message names the stylesheet with the largest share."""
    styled = MANIFEST.replace('"content": "/"', '"content": "/", "css": [{"value": "/poll.css"}]')
    changes = {
        "/manifest.json": Answer(styled, "application/json"),
        "/poll.css": Answer("a b { & & { & & { color: red } } }", "text/css"),
    }
    monkeypatch.setattr("shell.registry.gate.budgets.GatePolicy", lambda: GatePolicy(selector_steps_max=160))
    done = await published(changes)
    assert [(each.rule, each.level, each.field) for each in done.findings] == [("files-budget", "warning", "css")]
    monkeypatch.setattr("shell.registry.gate.budgets.GatePolicy", lambda: GatePolicy(selector_steps_max=100))
    with pytest.raises(PublishRefused, match="146 steps an element, and 100 may be"):
        await published(changes)


async def test_release_whose_content_is_down_is_published_with_a_warning() -> None:
    """A warning is reported; its fallback is tried under all faults all the same."""
    done = await published({"/": Answer("down", status=500)})
    assert [(each.rule, each.level) for each in done.findings] == [("content-away", "warning")]
    check = await sync_to_async(show_check)("poll", "1.0.0")
    assert set(check.rehearsals[0].shown.values()) == {"fallback"}


async def test_release_without_a_fallback_is_on_trial_at_most() -> None:
    """Beside a live release it may be tried; neither a person nor the analysis promotes it until an operator waives the
    rule.
    """
    await published()
    done = await published(BARE, version="2.0.0", trial=Trial(10, promotes=True))
    assert [(each.rule, each.level) for each in done.findings] == [("fallback-missing", "error")]
    now = datetime.now(UTC)
    with pytest.raises(RolloutRefused, match="fallback-missing: there is none"):
        await sync_to_async(promote)("poll", actor="team", now=now)
    await sync_to_async(_let_it_do_well)(now)
    view = await sync_to_async(rollout_of)("poll")
    assert view is not None
    assert view.held_back == "it breaks fallback-missing, so it can not be live for everybody"
    await sync_to_async(waive)("poll", "fallback-missing", reason="one  day only", actor="ops")
    assert (await sync_to_async(promote)("poll", actor="team", now=now)).version == "2.0.0"


def _let_it_do_well(now: datetime) -> None:
    live = models.LiveRelease.objects.select_related("release").get().release.digest
    trial = models.Rollout.objects.select_related("release").get().release.digest
    counts = {live: Sample(200), trial: Sample(200)}
    review(counts, AnalysisPolicy(window_s=60), now + timedelta(seconds=61))


async def test_release_of_before_the_gate_is_promoted_if_it_has_a_fallback() -> None:
    """It has no stored check, so only the fallback counts."""
    await published()
    await published(version="2.0.0", trial=Trial(10))
    await models.Assessment.objects.all().adelete()
    with pytest.raises(NotFound, match="before releases were checked"):
        await sync_to_async(show_check)("poll", "2.0.0")
    await models.Release.objects.filter(version="2.0.0").aupdate(fallback=b"")
    now = datetime.now(UTC)
    with pytest.raises(RolloutRefused, match="fallback-missing"):
        await sync_to_async(promote)("poll", actor="team", now=now)
    await models.Release.objects.filter(version="2.0.0").aupdate(fallback=b"<p>Away</p>")
    assert (await sync_to_async(promote)("poll", actor="team", now=now)).version == "2.0.0"


async def test_waived_rule_is_a_warning_with_its_reason_until_it_is_enforced() -> None:
    """The waiver counts for this fragment only; waiving and enforcing are both audited."""
    picture = content('<p>Hello</p><img src="data:image/png;base64,AA==">')
    assert await sync_to_async(waive)("poll", "a11y-alt", reason="a drawing of nothing", actor="ops")
    assert not await sync_to_async(waive)("poll", "a11y-alt", reason="a drawing of nothing", actor="ops")
    [finding] = (await published(picture)).findings
    assert (finding.rule, finding.level, finding.waived) == ("a11y-alt", "warning", "a drawing of nothing")
    assert await sync_to_async(enforce)("poll", "a11y-alt", actor="ops")
    assert not await sync_to_async(enforce)("poll", "a11y-alt", actor="ops")
    with pytest.raises(PublishRefused, match="a11y-alt"):
        await published(picture, version="2.0.0")
    audited = [
        (entry.action, entry.detail)
        async for entry in models.AuditEntry.objects.filter(action__startswith="rule_").order_by("pk")
    ]
    assert audited == [("rule_waived", "a11y-alt: a drawing of nothing"), ("rule_enforced", "a11y-alt")]
    assert not await models.AuditEntry.objects.filter(action__startswith="rule_", changes_pages=True).aexists()


@pytest.mark.parametrize(
    ("rule", "reason", "sentence"),
    [
        ("a11y", "why", "'a11y' is no rule; these can be made warnings: fallback-missing"),
        ("manifest", "why", "such a release can not be copied"),
        ("cookie", "why", "keeps no release back"),
        ("a11y-alt", " ", "a reason has 1 to 200 characters"),
        ("a11y-alt", "x" * 201, "a reason has 1 to 200 characters"),
    ],
)
def test_rule_that_can_not_be_waived_is_refused(rule: str, reason: str, sentence: str) -> None:
    """The waiver is refused and nothing is changed."""
    with pytest.raises(WaiverRefused, match=sentence):
        waive("poll", rule, reason=reason, actor="ops")
    assert not models.Waiver.objects.exists()


def test_every_rule_says_what_it_keeps_a_release_from() -> None:
    """Each rule has a summary; a rule that blocks nothing can not be waived."""
    rules = list_rules("poll")
    assert [each.rule for each in rules] == list(Rule)
    assert all(each.summary for each in rules)
    assert not [rule for rule in Rule if is_waivable(rule) and stage_of(rule) is Stage.NOTHING]


async def test_every_slot_of_the_pages_is_gone_through() -> None:
    """A faulty button that only one slot shows is found."""
    slots = (Slot("all", "poll"), Slot("one", "poll", "/one"))
    pages = PageTable([Page("lobby", "/", "lobby.html", slots)])
    answers = {**WELL, "/one": Answer("<button></button>", headers=VERSION)}
    async with RouteServer(answers) as server:
        with pytest.raises(PublishRefused) as refused:
            await publish(f"{server.url}/manifest.json", origins=LOOPBACK, actor="tests", pages=pages)
    assert [(each.rule, each.field, each.place) for each in refused.value.findings] == [
        ("a11y-name", "lobby.one", "/one:1")
    ]


def test_operator_reads_and_waives_at_the_command_line() -> None:
    """A refusal is printed with its remedy; `show` prints the newest release's check as text and as JSON."""
    errors = StringIO()
    with _server({**WELL, **BARE}) as url, pytest.raises(CommandError, match="1 of 1 not published"):
        call_command("fragment", "publish", url, stdout=StringIO(), stderr=errors)
    assert "ERROR fallback-missing fallback (manifest.json): there is none" in errors.getvalue()
    assert "    -> Serve a piece of HTML without data" in errors.getvalue()
    output = StringIO()
    call_command("fragment", "waive", "poll", "fallback-missing", "--reason", "a drill", stdout=output)
    call_command("fragment", "waive", "poll", "fallback-missing", "--reason", "a drill", stdout=output)
    call_command("fragment", "rules", "poll", stdout=output)
    with _server({**WELL, **BARE}) as url:
        call_command("fragment", "publish", url, stdout=output)
    call_command("fragment", "show", "poll", stdout=output)
    call_command("fragment", "enforce", "poll", "fallback-missing", stdout=output)
    words = output.getvalue()
    for line in (
        "fallback-missing is a warning for poll; to hold it to it again: fragment enforce poll fallback-missing",
        "unchanged poll: it is so already",
        "a drill",
        "a11y-alt          not published    a picture says what it shows, or that it only decorates",
        "WARNING fallback-missing fallback (manifest.json): there is none",
        "check of 1.0.0 (",
        "while its origin fails, publish.content shows refused: placeholder, slow: placeholder",
        "[waived: a drill]",
        "poll is held to fallback-missing again",
    ):
        assert line in words, words
    shown = StringIO()
    call_command("fragment", "show", "poll", "--json", stdout=shown)
    assert json.loads(shown.getvalue())["check"]["findings"][0]["level"] == "error"


class _server:
    """A `RouteServer` in a thread with an event loop of its own, until the block ends."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self._answers = answers

    def __enter__(self) -> str:
        import asyncio
        import threading

        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        server = RouteServer(self._answers)
        asyncio.run_coroutine_threadsafe(server.__aenter__(), self._loop).result(10)
        return f"{server.url}/manifest.json"

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)


def test_book_of_the_gate_has_each_rule_as_it_holds() -> None:
    """The book lists every rule with the stage that it blocks."""
    effects = {"publish": "not published", "live": "on trial at most", "nothing": "said"}
    book = (ROOT / "shell/registry/gate/README.md").read_text("utf-8")
    for each in list_rules("poll"):
        waived = "yes" if each.waivable else ""
        row = f"| `{each.rule}` | {each.summary} | {effects[each.keeps_from]} | {waived} |".replace("|  |", "| |")
        assert row in book
    folder = ROOT / "shell/registry/gate"
    assert [path.name for path in folder.glob("[a-z]*.py") if f"`{path.name}`" not in book] == []
