"""A team ships its own fragment with a token and can touch no other; the audit has the name of each token."""

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient
from structlog.testing import capture_logs

from bff.resilience.outcome import State
from bff.resilience.reason import Reason
from shell.composition.fragment_log import FragmentLog
from shell.composition.ladder import Included
from shell.composition.outcome_lines import OutcomeLines
from shell.composition.page import Slot
from shell.composition.recent_outcomes import RecentOutcomes
from shell.players.throttle import SignInThrottle
from shell.registry import history, models, release_folder, tokens
from shell.registry.snapshot_poller import SnapshotPoller
from shell.registry.tokens import Purpose
from shell.wiring import parts
from tests.origin import publishing
from tests.origin.server import Origin

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 4, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def throttle(monkeypatch: pytest.MonkeyPatch) -> SignInThrottle:
    """The throttle of this process with empty counters, whose limits the test may change."""
    throttle = parts().registry_throttle
    monkeypatch.setattr(throttle, "_here", {})
    monkeypatch.setattr(throttle, "policy", throttle.policy)
    return throttle


async def made(purpose: Purpose, fragment: str = "origin", *, now: datetime | None = None, days: int = 90) -> str:
    """A new token's text."""
    now = now or datetime.now(UTC)
    make = sync_to_async(tokens.make_token)
    return (await make(fragment, purpose, name="team-ci", days=days, actor="ops", now=now)).token


async def ask(method: str, path: str, token: str = "", body: object = None, **headers: str) -> Any:
    """The API's answer; its JSON is `.json()`."""
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return await AsyncClient().generic(
        method,
        f"/registry/v1{path}",
        json.dumps(body) if body is not None else "",
        content_type="application/json",
        headers=headers,
    )


async def publish(origin: Origin, token: str, name: str = "origin") -> Any:
    return await ask("POST", f"/fragments/{name}/releases", token, {"manifest_url": f"{origin.url}/manifest.json"})


async def test_team_publishes_and_rolls_back_with_one_token() -> None:
    """A running shell follows both releases and the rollback; every change is audited under the token."""
    token = await made(Purpose.PUBLISH)
    poller = SnapshotPoller()
    async with Origin() as origin:
        first = await publish(origin, token)
        assert (first.status_code, first.json()["changed"]) == (200, True)
        await origin.fail("odd-manifest=changing", at="/manifest.json")
        second = (await publish(origin, token)).json()
    await poller.refresh()
    assert poller.current.releases["origin"].digest == second["digest"]
    back = await ask("POST", "/fragments/origin/rollback", token, {"reason": "prices are wrong"})
    assert back.json()["digest"] == first.json()["digest"]
    await poller.refresh()
    assert poller.current.releases["origin"].digest == first.json()["digest"]
    again = await ask("POST", "/fragments/origin/rollback", token, {"to": second["version"]})
    assert again.json()["digest"] == second["digest"]
    assert len((await ask("GET", "/fragments/origin/audit", token)).json()) == 5
    audit = (await ask("GET", "/fragments/origin/audit?limit=3", token)).json()
    assert [(line["action"], line["version"]) for line in audit] == [
        ("rolled_back", second["version"]),
        ("rolled_back", first.json()["version"]),
        ("published", second["version"]),
    ]
    assert all(line["actor"].startswith("team-ci [") for line in audit)
    assert "prices are wrong" in audit[1]["detail"]


async def test_candidate_stands_in_no_page_until_it_is_previewed_or_tried() -> None:
    """It is copied and checked like any release, also as the first of its name; the live release stays."""
    token = await made(Purpose.PUBLISH)
    async with Origin() as origin:
        first = (await publish(origin, token)).json()
        await origin.fail("odd-manifest=changing", at="/manifest.json")
        body = {"manifest_url": f"{origin.url}/manifest.json", "candidate": True}
        candidate = (await ask("POST", "/fragments/origin/releases", token, body)).json()
    assert candidate["changed"] is True
    live = await models.LiveRelease.objects.select_related("release").aget(fragment="origin")
    assert live.release.digest == first["digest"]
    assert not await models.Rollout.objects.aexists()
    linked = await ask("POST", "/fragments/origin/preview", token, {"release": candidate["version"]})
    assert linked.json()["digest"] == candidate["digest"]
    body = {"percent": 10, "release": candidate["version"]}
    tried = await ask("POST", "/fragments/origin/canary", token, body)
    assert (tried.status_code, tried.json()["digest"]) == (200, candidate["digest"])


async def test_check_says_what_a_publish_would_and_leaves_no_trace() -> None:
    """For sound and faulty releases at any origin; nothing is stored, audited or live."""
    token = await made(Purpose.PUBLISH)
    audited = await models.AuditEntry.objects.acount()
    async with Origin() as origin:
        body = {"manifest_url": f"{origin.url}/manifest.json"}
        checked = await ask("POST", "/fragments/origin/checks", token, body)
        assert (checked.status_code, checked.json()["version"]) == (200, "1.0.0")
        await origin.fail("odd-manifest=malformed", at="/manifest.json")
        refused = await ask("POST", "/fragments/origin/checks", token, body)
    assert (refused.status_code, bool(refused.json()["findings"])) == (422, True)
    assert not await models.Release.objects.aexists()
    assert not await models.Asset.objects.aexists()
    assert await models.AuditEntry.objects.acount() == audited


async def test_version_stands_for_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publishing the same bytes again is no change; other bytes under the same version are a conflict."""
    token = await made(Purpose.PUBLISH)
    async with Origin() as origin:
        first = (await publish(origin, token)).json()
        assert (await publish(origin, token)).json()["changed"] is False
        monkeypatch.setattr(publishing, "FALLBACK", b"<p>another</p>")
        refused = await publish(origin, token)
    assert refused.status_code == 409
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert "a version of its own" in refused.json()["detail"]
    live = await models.LiveRelease.objects.select_related("release").aget(fragment="origin")
    assert live.release.digest == first["digest"]


async def test_version_is_what_the_origin_sent_and_not_what_a_shell_has_written_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A later shell may rewrite styles differently; a changed comment, which no shell keeps, still counts as other
    bytes.
    """
    token = await made(Purpose.PUBLISH)
    await models.Registration.objects.acreate(fragment="origin", trust="first-party")
    async with Origin() as origin:
        first = (await publish(origin, token)).json()
        monkeypatch.setattr(release_folder, "external_reference", lambda body, allowed: "")
        monkeypatch.setattr(release_folder, "scoped", lambda body, name: (b"/* otherwise */" + body, ()))
        again = await publish(origin, token)
        assert (again.status_code, again.json()["changed"]) == (200, True), again.content
        assert again.json()["digest"] != first["digest"]
        monkeypatch.undo()
        monkeypatch.setattr(publishing, "STYLE", publishing.STYLE + b"/* of another build */")
        assert (await publish(origin, token)).status_code == 409


async def test_release_of_before_its_sources_were_stored_is_compared_by_its_files() -> None:
    """An old release has no digest of its sources, so its stored files are compared."""
    token = await made(Purpose.PUBLISH)
    async with Origin() as origin:
        await publish(origin, token)
        await models.Release.objects.aupdate(sources=None)
        assert (await publish(origin, token)).json()["changed"] is False
        await models.Release.objects.aupdate(files={"style.css": "0" * 64})
        assert (await publish(origin, token)).status_code == 409


async def test_manifest_of_another_name_is_refused_before_its_files_are_asked_for() -> None:
    """A token for `wallet` can not publish a manifest of another name, whatever its address is."""
    async with Origin() as origin:
        refused = await publish(origin, await made(Purpose.PUBLISH, "wallet"), "wallet")
        assert refused.status_code == 422
        assert "may publish wallet alone" in refused.json()["detail"]
    assert not await models.Release.objects.aexists()


@pytest.mark.parametrize("url", ["http://169.254.169.254/manifest.json", "file:///etc/passwd", "https://evil.test/m"])
async def test_manifest_at_an_address_that_is_not_allowed_is_never_asked_for(url: str) -> None:
    """A token can not make the shell request an origin that operators have not allowed."""
    token = await made(Purpose.PUBLISH)
    refused = await ask("POST", "/fragments/origin/releases", token, {"manifest_url": url})
    assert refused.status_code == 422
    assert "address" in refused.json()["detail"] or "allowed origin" in refused.json()["detail"]


STAND_INS = (("0123456789ab", "{prefix}"), ("1.0.0", "{release}"), ("a11y-alt", "{rule}"))
OPERATIONS = [
    ("GET", "/fragments/{}", Purpose.READ),
    ("GET", "/fragments/{}/diff?before=1&after=2", Purpose.READ),
    ("GET", "/fragments/{}/audit", Purpose.READ),
    ("POST", "/fragments/{}/releases", Purpose.PUBLISH),
    ("POST", "/fragments/{}/rollback", Purpose.PUBLISH),
    ("POST", "/fragments/{}/checks", Purpose.PUBLISH),
    ("POST", "/fragments/{}/canary", Purpose.PUBLISH),
    ("POST", "/fragments/{}/promote", Purpose.PUBLISH),
    ("POST", "/fragments/{}/pause", Purpose.PUBLISH),
    ("POST", "/fragments/{}/preview", Purpose.PUBLISH),
    ("POST", "/fragments/{}/hold", Purpose.OPERATE),
    ("POST", "/fragments/{}/resume", Purpose.OPERATE),
    ("GET", "/fragments/{}/releases/1.0.0/check", Purpose.READ),
    ("GET", "/fragments/{}/rules", Purpose.READ),
    ("GET", "/fragments/{}/outcomes", Purpose.READ),
    ("POST", "/fragments/{}/waivers", Purpose.OPERATE),
    ("DELETE", "/fragments/{}/waivers/a11y-alt", Purpose.OPERATE),
    ("GET", "/fragments/{}/tokens", Purpose.OPERATE),
    ("POST", "/fragments/{}/tokens", Purpose.OPERATE),
    ("DELETE", "/fragments/{}/tokens/0123456789ab", Purpose.OPERATE),
]
PAGE_OPERATIONS = [
    ("GET", "/pages/{}", Purpose.READ),
    ("GET", "/pages/{}/diff?before=1&after=2", Purpose.READ),
    ("GET", "/pages/{}/audit", Purpose.READ),
    ("POST", "/pages/{}/revisions", Purpose.PUBLISH),
    ("POST", "/pages/{}/rollback", Purpose.PUBLISH),
    ("GET", "/pages/{}/tokens", Purpose.OPERATE),
    ("POST", "/pages/{}/tokens", Purpose.OPERATE),
    ("DELETE", "/pages/{}/tokens/0123456789ab", Purpose.OPERATE),
]


@pytest.mark.parametrize(
    ("operations", "own", "others"),
    [(OPERATIONS, "origin", ("wallet", "page:origin")), (PAGE_OPERATIONS, "page:origin", ("page:wallet", "origin"))],
)
async def test_no_operation_lets_another_team_or_a_lesser_purpose_in(
    operations: list[tuple[str, str, Purpose]], own: str, others: tuple[str, ...]
) -> None:
    """Each operation is refused before its body is read and audited under the name in its path. A token for a page is
    not one for the fragment of the same name.
    """
    strongest = [await made(Purpose.OPERATE, other) for other in others]
    by_purpose = {purpose: await made(purpose, own) for purpose in Purpose}
    tried = 0
    for method, path, purpose in operations:
        for token in strongest:
            assert (await ask(method, path.format("origin"), token)).status_code == 403
            tried += 1
        for other in [each for each in Purpose if not each.covers(purpose)]:
            assert (await ask(method, path.format("origin"), by_purpose[other])).status_code == 403
            tried += 1
    refused = [entry async for entry in models.AuditEntry.objects.filter(action="refused")]
    assert len(refused) == tried
    assert {(entry.fragment, entry.changes_pages) for entry in refused} == {(own, False)}


async def test_every_operation_of_the_api_is_in_the_list_above() -> None:
    """A new operation has to be tried with another team's token, too; the OpenAPI document needs no token."""
    paths = (await ask("GET", "/openapi.json")).json()["paths"]
    expected = {
        (method, reduce(lambda named, each: named.replace(*each), STAND_INS, path.partition("?")[0].format(name)))
        for operations, name in ((OPERATIONS, "{fragment}"), (PAGE_OPERATIONS, "{page}"))
        for method, path, _ in operations
    }
    described = {(method.upper(), path.removeprefix("/registry/v1")) for path, each in paths.items() for method in each}
    assert described - expected == {("GET", "/token"), ("GET", "/fragments"), ("GET", "/pages")}
    assert expected <= described
    assert all(operation["security"] for each in paths.values() for operation in each.values())


async def test_token_that_ended_or_is_unknown_opens_nothing() -> None:
    """An expired, revoked, truncated, altered or missing token gets 401 with a remedy."""
    expired = await made(Purpose.READ, now=datetime.now(UTC) - timedelta(days=8), days=7)
    revoked = await made(Purpose.READ)
    prefix = revoked.split("_")[2]
    await sync_to_async(tokens.revoke_token)("origin", prefix, actor="ops", now=datetime.now(UTC))
    other = f"mullion_{prefix}_{'A' * 43}"
    answers = {
        token: await ask("GET", "/fragments/origin", token) for token in (expired, revoked, revoked[:-1], other, "")
    }
    assert {answer.status_code for answer in answers.values()} == {401}
    assert "is expired" in answers[expired].json()["detail"]
    assert "is revoked" in answers[revoked].json()["detail"]
    assert all(answer.headers["WWW-Authenticate"] == "Bearer" for answer in answers.values())
    # What anybody can send is logged; only who holds a genuine token can write into the audit.
    refused = [entry.detail async for entry in models.AuditEntry.objects.filter(action="refused").order_by("id")]
    assert [("expired" in each, "revoked" in each) for each in refused] == [(True, False), (False, True)]


async def test_no_secret_is_stored_shown_or_logged() -> None:
    """Only the answer that creates a token has its text."""
    with capture_logs() as logs:
        operator = await made(Purpose.OPERATE)
        answer = await ask("POST", "/fragments/origin/tokens", operator, {"name": "bot", "purpose": "publish"})
        token = answer.json()["token"]
        secret = token.split("_", 3)[3]
        shown = await ask("GET", "/fragments/origin/tokens", operator)
        await ask("GET", "/fragments/wallet", token)
    assert secret not in shown.content.decode()
    assert secret not in str(logs)
    rows = [row async for row in models.Token.objects.values()]
    audit = [row async for row in models.AuditEntry.objects.values()]
    assert secret not in f"{rows}{audit}"
    assert [line["name"] for line in shown.json()] == ["bot", "team-ci"]
    assert shown.json()[1]["last_used_at"]


async def test_token_can_not_make_one_that_operates() -> None:
    """A stolen token could otherwise renew itself for ever."""
    refused = await ask(
        "POST", "/fragments/origin/tokens", await made(Purpose.OPERATE), {"name": "bot", "purpose": "operate"}
    )
    assert refused.status_code == 403
    assert await models.Token.objects.acount() == 1


async def test_cookies_open_nothing_and_other_sites_may_ask() -> None:
    """Cookies are ignored, so requests of other origins, and those without an Origin, need no CSRF check."""
    token = await made(Purpose.OPERATE)
    async with Origin() as origin:
        await publish(origin, token)
    reason = {"reason": "drill"}
    path = "/fragments/origin/hold"
    assert (await ask("POST", path, "", reason, Cookie=f"session={token}")).status_code == 401
    held = await ask("POST", path, token, reason, **{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.test"})
    assert held.json() == {"changed": True}
    let_go = (await ask("POST", "/fragments/origin/resume", token)).json()
    assert (let_go["changed"], let_go["was"]["reason"]) == (True, "drill")


async def test_who_guesses_tokens_is_slowed_down(throttle: SignInThrottle) -> None:
    """The throttle counts by address before any token is looked up, and answers with Retry-After."""
    throttle.policy = replace(throttle.policy, address_tries_max=5)
    answers = [await ask("GET", "/token", "mullion_0123456789ab_" + "A" * 43) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= throttle.policy.window_s


async def test_one_token_can_not_keep_the_registry_busy(throttle: SignInThrottle) -> None:
    """A looping CI is throttled by its token, from any number of addresses; other tokens are not."""
    throttle.policy = replace(throttle.policy, account_tries_max=3)
    looping = await made(Purpose.READ)
    assert [(await ask("GET", "/token", looping)).status_code for _ in range(4)] == [200] * 3 + [429]
    assert (await ask("GET", "/token", await made(Purpose.READ))).status_code == 200


async def test_refusal_makes_no_shell_load_anything() -> None:
    """Tokens and refusals do not raise the snapshot's generation, so no page is compiled again."""
    token = await made(Purpose.PUBLISH)
    async with Origin() as origin:
        await publish(origin, token)
    poller = SnapshotPoller()
    await poller.refresh()
    before = poller.current
    await ask("POST", "/fragments/origin/hold", token, {"reason": "not its to do"})
    assert await models.AuditEntry.objects.filter(action="refused").aexists()
    await poller.refresh()
    assert poller.current is before


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("GET", "/fragments/origin", None, 404, "nothing was published"),
        ("POST", "/fragments/origin/rollback", {}, 404, "nothing was published"),
        ("POST", "/fragments/origin/hold", {"reason": "x"}, 422, "nothing was changed"),
        ("POST", "/fragments/origin/hold", {}, 422, "reason"),
        ("POST", "/fragments/origin/releases", {"manifest_url": "x" * 3000}, 422, "manifest_url"),
        ("GET", "/fragments/origin/audit?limit=0", None, 422, "limit"),
        ("DELETE", "/fragments/origin/tokens/0123456789ab", None, 422, "token list"),
        ("POST", "/fragments/origin/tokens", {"name": "a:b", "purpose": "read"}, 422, "name"),
        ("POST", "/fragments/origin/tokens", {"name": "a", "purpose": "read", "days": 0}, 422, "days"),
    ],
)
async def test_request_that_makes_no_sense_is_a_problem_with_a_sentence(
    method: str, path: str, body: object, status: int, words: str
) -> None:
    """The answer is an RFC 9457 problem, and nothing was changed."""
    answer = await ask(method, path, await made(Purpose.OPERATE), body)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert words in answer.json()["detail"]


async def test_rollback_goes_only_where_pages_have_been() -> None:
    """Neither before the first release nor to one that does not exist."""
    token = await made(Purpose.PUBLISH)
    async with Origin() as origin:
        await publish(origin, token)
    nothing_before = await ask("POST", "/fragments/origin/rollback", token, {})
    assert nothing_before.status_code == 409
    assert "was live before" in nothing_before.json()["detail"]
    missing = await ask("POST", "/fragments/origin/rollback", token, {"to": "9.9.9"})
    assert missing.status_code == 404
    assert "1.0.0" in missing.json()["detail"]


async def test_rollback_twice_goes_on_backwards() -> None:
    """The second rollback goes one release further back, and not forward again."""
    token = await made(Purpose.PUBLISH)
    async with Origin() as origin:
        await origin.fail("odd-manifest=changing", at="/manifest.json")
        versions = [(await publish(origin, token)).json()["version"] for _ in range(3)]
    back = [(await ask("POST", "/fragments/origin/rollback", token, {})).json()["version"] for _ in range(2)]
    assert back == [versions[1], versions[0]]


async def test_change_that_is_sent_again_goes_no_release_too_far() -> None:
    """A repeated request, and one that arrives after the trial has ended by itself, change nothing."""
    token = await made(Purpose.PUBLISH)
    async with Origin() as origin:
        await origin.fail("odd-manifest=changing", at="/manifest.json")
        first, second, third = [(await publish(origin, token)).json()["version"] for _ in range(3)]
        trial = {"manifest_url": f"{origin.url}/manifest.json", "canary": {"percent": 50}}
        fourth = (await ask("POST", "/fragments/origin/releases", token, trial)).json()

    async def change(verb: str, **body: str) -> tuple[int, str]:
        answer = await ask("POST", f"/fragments/origin/{verb}", token, body)
        return answer.status_code, answer.json().get("version") or answer.json()["detail"]

    refused = f"{fourth['version']} of origin is on trial, and not {third}; nothing was changed."
    assert await change("promote", expect=third) == (409, refused)
    assert await change("rollback", expect=third) == (409, refused)
    assert await change("rollback", expect=fourth["digest"][:12]) == (200, third)
    again = f"{third} of origin is live, and not {fourth['version']}; nothing was changed."
    assert await change("rollback", expect=fourth["version"]) == (409, again)
    assert await change("rollback", expect=third) == (200, second)
    assert (await change("rollback", expect=third))[0] == 409
    assert (await change("rollback", expect=third, to=first))[0] == 409
    assert (await ask("GET", "/fragments/origin", token)).json()["shown"]["version"] == second


async def test_difference_names_lines_and_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines of manifest and fallback, and each file by its digest."""
    token = await made(Purpose.PUBLISH)
    async with Origin() as origin:
        await publish(origin, token)
        monkeypatch.setattr(publishing, "FALLBACK", b"<p>another</p>")
        await origin.fail("odd-manifest=changing", at="/manifest.json")
        second = (await publish(origin, token)).json()
    found = await sync_to_async(history.compare)("origin", "1.0.0", second["digest"][:8])
    assert any(line.startswith("+") and second["version"] in line for line in found.manifest)
    assert "+<p>another</p>" in found.fallback
    assert (found.files_added, found.files_removed) == ([], [])


async def test_refused_publish_says_what_to_do_and_operator_waives_it_by_token() -> None:
    """The problem lists each finding; the team's own token can not waive a rule."""
    team, operator = await made(Purpose.PUBLISH), await made(Purpose.OPERATE)
    async with Origin(body=b"<p>Hello</p><button></button>") as origin:
        refused = await publish(origin, team)
        assert refused.status_code == 422
        [finding] = [each for each in refused.json()["findings"] if each["field"] == "publish.content"]
        assert (finding["rule"], finding["place"]) == ("a11y-name", "/:1")
        waiver = {"rule": "a11y-name", "reason": "it is drawn"}
        assert (await ask("POST", "/fragments/origin/waivers", team, waiver)).status_code == 403
        assert (await ask("POST", "/fragments/origin/waivers", operator, waiver)).json()["changed"] is True
        done = (await publish(origin, team)).json()
    assert {(each["rule"], each["level"]) for each in done["findings"]} == {("a11y-name", "warning")}
    check = (await ask("GET", f"/fragments/origin/releases/{done['version']}/check", team)).json()
    assert check["findings"][0]["waived"] == "it is drawn"
    rules = (await ask("GET", "/fragments/origin/rules", team)).json()
    assert [each["waived_by"] for each in rules if each["waived"]] == [
        (await models.Waiver.objects.aget(fragment="origin")).actor
    ]
    again = (await ask("DELETE", "/fragments/origin/waivers/a11y-name", operator)).json()
    assert again == {"rule": "a11y-name", "changed": True}
    odd = await ask("POST", "/fragments/origin/waivers", operator, {"rule": "none", "reason": "x"})
    assert (odd.status_code, "is no rule" in odd.json()["detail"]) == (422, True)


async def test_team_sees_its_own_outcomes_with_their_reasons_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last minute of this process, with one line and a count for equal outcomes that were not fresh."""
    now = [1000.0]
    lines, recent = OutcomeLines(lambda: now[0]), RecentOutcomes(lambda: now[0])
    monkeypatch.setattr(parts().outcome_lines, "_lines", lines._lines)
    monkeypatch.setattr(parts().recent_outcomes, "_seen", recent._seen)
    monkeypatch.setattr(parts().recent_outcomes, "_now", lambda: now[0])
    monkeypatch.setattr(parts().fragment_log, "_lines", FragmentLog()._lines)

    def shown(fragment: str, state: State, reason: Reason | None = None, detail: str = "") -> None:
        included = Included(Slot("one", fragment), state, b"", None, reason, detail, ms=7, upstream=fragment)
        lines.note(included)
        recent.note(included)

    shown("origin", State.FRESH)
    for _ in range(3):
        shown("origin", State.FALLBACK, Reason.TIMEOUT, "no whole answer within 800 ms")
    shown("wallet", State.FALLBACK, Reason.CONNECT, "what is none of this team's")
    now[0] += 2
    shown("origin", State.FALLBACK, Reason.TIMEOUT, "no whole answer within 800 ms")
    answer = (await ask("GET", "/fragments/origin/outcomes", await made(Purpose.READ))).json()
    assert (answer["counts"], answer["state"], answer["reason"]) == ({"fresh": 1, "fallback": 4}, "fallback", "timeout")
    assert [(line["slot"], line["reason"], line["detail"], line["times"]) for line in answer["lines"]] == [
        ("one", "timeout", "no whole answer within 800 ms", 1),
        ("one", "timeout", "no whole answer within 800 ms", 3),
    ]
    for fragment in ("origin", "wallet"):
        record = logging.makeLogRecord({"levelname": "WARNING"})
        record.msg = {"event": "action_failed", "fragment": fragment, "reason": "cut", "slot": "one"}  # type: ignore[assignment]
        parts().fragment_log.handle(record)
    answer = (await ask("GET", "/fragments/origin/outcomes", await made(Purpose.READ))).json()
    [line] = answer["log"]
    assert (line["level"], line["event"], line["fields"]) == (
        "warning",
        "action_failed",
        {"slot": "one", "reason": "cut"},
    )
    assert line["times"] == 1
    unseen = (await ask("GET", "/fragments/poll/outcomes", await made(Purpose.READ, "poll"))).json()
    assert (unseen["counts"], unseen["lines"], unseen["log"], unseen["breaker"]) == ({}, [], [], "")
    assert unseen["at"] is None
    for _ in range(300):
        now[0] += 1
        shown("origin", State.PLACEHOLDER, Reason.CONNECT)
    assert len(lines.of("origin")) == 200
