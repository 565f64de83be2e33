"""`fragment` with MULLION_URL and MULLION_TOKEN only: the same verbs and output as on the shell's own machine."""

import json
import logging
import subprocess
import sys
from datetime import UTC, datetime
from io import StringIO

import httpx
import pytest
from django.core.management import CommandError, call_command

from bff.resilience.outcome import State
from bff.resilience.reason import Reason
from fragments.cli import remote
from shell.composition.fragment_log import FragmentLog
from shell.composition.fragment_report import FragmentReport
from shell.composition.ladder import Included
from shell.composition.outcome_lines import OutcomeLines
from shell.composition.page import Slot
from shell.composition.recent_outcomes import RecentOutcomes
from shell.composition.release import Snapshot
from shell.fleet.fragment_reports import FragmentReports
from shell.registry import models, tokens
from shell.registry.snapshot_loader import load_snapshot
from shell.registry.tokens import Purpose
from shell.wiring import parts
from tests.support.mullion import ROOT
from tests.support.registry_shell import Shell

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts().registry_throttle, "_here", {})


@pytest.fixture
def token() -> str:
    """A token with the right to operate `poll`, which has two releases."""
    for version in ("1", "2"):
        release = models.Release.objects.create(
            fragment="poll",
            version=version,
            digest=version * 64,
            manifest_url="https://poll.test/manifest.json",
            manifest=json.dumps({"name": "poll", "version": version, "content": "/"}).encode(),
            fallback=b"",
        )
        models.LiveRelease.objects.update_or_create(fragment="poll", defaults={"release": release})
        models.AuditEntry.objects.create(actor="ops", action="published", fragment="poll", release=release)
    made = tokens.make_token("poll", Purpose.OPERATE, name="ci", days=9, actor="ops", now=datetime.now(UTC))
    return made.token


def elsewhere(token: str, *argv: str, url: str = "https://shell.test") -> int:
    return remote.main(argv, {"MULLION_URL": url, "MULLION_TOKEN": token}, Shell())


def here(*argv: str) -> str:
    output = StringIO()
    call_command("fragment", *argv, stdout=output)
    return output.getvalue()


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["list"], "poll  2  222222222222  sandboxed  local  https://poll.test/manifest.json"),
        (["show", "poll"], "live  2  222222222222"),
        (["diff", "poll", "1", "2"], '+  "version": "2"'),
        (["audit", "poll"], "published"),
        (["hold", "poll", "--reason", "drill"], "held poll"),
        (["resume", "poll"], "it was not held"),
        (["rollback", "poll"], "poll is 1 (111111111111) again, after 2 (222222222222)"),
        (["rollback", "poll", "--to", "2"], "unchanged poll: 2 (222222222222) is live"),
        (["rules", "poll"], "a11y-alt          not published    a picture says"),
        (["waive", "poll", "a11y-alt", "--reason", "a drill"], "a11y-alt is a warning for poll"),
        (["enforce", "poll", "a11y-alt"], "unchanged poll: it is so already"),
        (["token", "list", "poll"], "ci  operate  local  valid"),
    ],
)
def test_verb_says_the_same_here_and_elsewhere(
    token: str, capsys: pytest.CaptureFixture[str], argv: list[str], words: str
) -> None:
    """A team sees the output that an operator sees, as text and as JSON."""
    for as_json in ([], ["--json"]):
        _begin_again()
        assert elsewhere(token, *argv, *as_json) == 0
        there = capsys.readouterr().out
        _begin_again()
        output = here(*argv, *as_json)
        assert (json.loads(output), json.loads(there)) if as_json else words in output and words in there


def test_team_reads_how_its_slots_end_and_why(
    token: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log comes from the running shell; control characters of an origin are removed for people and kept in JSON."""
    lines, recent = OutcomeLines(), RecentOutcomes()
    monkeypatch.setattr(parts().outcome_lines, "_lines", lines._lines)
    monkeypatch.setattr(parts().recent_outcomes, "_seen", recent._seen)
    monkeypatch.setattr(parts().fragment_log, "_lines", FragmentLog()._lines)
    assert elsewhere(token, "outcomes", "poll") == 0
    assert capsys.readouterr().out == "poll in the last minute: nobody asked for it\nevery slot was fresh\n"
    release = load_snapshot(Snapshot(), {})[0].releases["poll"]
    slot, detail = Slot("votes", "poll"), "\x1b[2Jno answer"
    included = Included(slot, State.FALLBACK, b"", release, Reason.TIMEOUT, detail, ms=802)
    for each in (included, included, Included(slot, State.FRESH, b"", release)):
        lines.note(each)
        recent.note(each)
    assert elsewhere(token, "outcomes", "poll") == 0
    counted, newest, line = capsys.readouterr().out.splitlines()
    assert counted == "poll in the last minute: 2 fallback, 1 fresh"
    assert newest.startswith("newest: fresh at ")
    for word in ("votes  2 stable  fallback  timeout", "802 ms  2 x", "\ufffd[2Jno answer"):
        assert word in line
    assert elsewhere(token, "outcomes", "poll", "--json") == 0
    assert json.loads(capsys.readouterr().out)["lines"][0]["detail"] == "\x1b[2Jno answer"
    for _ in range(2):
        record = logging.makeLogRecord({"levelname": "WARNING"})
        record.msg = {"event": "action_failed", "fragment": "poll", "reason": "cut", "detail": "\u202ehere"}  # type: ignore[assignment]
        parts().fragment_log.handle(record)
    assert elsewhere(token, "outcomes", "poll") == 0
    *_, heading, line = capsys.readouterr().out.splitlines()
    assert heading == "log:"
    assert line.split("  ", 1)[1] == "warning  action_failed  2 x  reason=cut  detail=\ufffdhere"
    of_one_process = parts().fragment_reports.of

    async def of_two_processes(_: object, fragment: str) -> list[FragmentReport]:
        return await of_one_process(fragment) * 2

    monkeypatch.setattr(FragmentReports, "of", of_two_processes)
    assert elsewhere(token, "outcomes", "poll") == 0
    counted, *_ = capsys.readouterr().out.splitlines()
    assert counted == "poll in the last minute, over 2 shell processes: 4 fallback, 2 fresh"
    with pytest.raises(CommandError, match="in the memory of a shell that runs"):
        here("outcomes", "poll")


def _begin_again() -> None:
    models.LiveRelease.objects.update(release=models.Release.objects.get(version="2"))
    models.Hold.objects.all().delete()
    models.Waiver.objects.all().delete()


def test_token_is_made_used_and_revoked_from_elsewhere(token: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The token is printed once, on a line of its own, so that a script can read it."""
    assert elsewhere(token, "token", "make", "poll", "--purpose", "read", "--label", "bot") == 0
    made = capsys.readouterr().out.splitlines()[-1]
    assert elsewhere(made, "show", "poll") == 0
    assert elsewhere(token, "token", "revoke", "poll", made.split("_")[2]) == 0
    assert "bot" in capsys.readouterr().out
    assert elsewhere(made, "show", "poll") == 1
    assert "is revoked" in capsys.readouterr().err


def test_refusal_is_one_sentence_and_an_exit_code(token: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The shell's own sentence is printed, without a traceback."""
    assert elsewhere(token, "show", "wallet") == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "fragment show: 403: This token is poll's; wallet is not its to see or to change.\n"


@pytest.mark.parametrize(
    ("url", "token", "words"),
    [
        ("https://shell.test", "", "MULLION_TOKEN is not set"),
        ("http://shell.test", "mullion_x", "would be read on the way"),
        ("shell.test", "mullion_x", "is no address"),
    ],
)
def test_token_leaves_this_machine_only_where_it_is_safe(
    url: str, token: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unsafe or unusable address is refused before any request is sent."""
    assert remote.main(["list"], {"MULLION_URL": url, "MULLION_TOKEN": token}, Shell()) == 1
    assert words in capsys.readouterr().err


def test_token_follows_no_redirect(token: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A redirect, whoever sent it, never carries the token to another address."""
    urls: list[str] = []

    def redirect(request: httpx.Request) -> httpx.Response:
        urls.append(str(request.url))
        return httpx.Response(302, headers={"location": "https://evil.test/"}, text="elsewhere")

    environ = {"MULLION_URL": "https://shell.test", "MULLION_TOKEN": token}
    assert remote.main(["list"], environ, httpx.MockTransport(redirect)) == 1
    assert urls == ["https://shell.test/registry/v1/fragments"]
    assert "302" in capsys.readouterr().err


def test_silent_shell_is_reported_with_where_to_look(capsys: pytest.CaptureFixture[str]) -> None:
    """The message does not claim that the change failed, as its outcome is unknown."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    environ = {"MULLION_URL": "https://shell.test", "MULLION_TOKEN": "mullion_x"}
    assert remote.main(["rollback", "poll"], environ, httpx.MockTransport(refuse)) == 1
    assert "fragment audit" in capsys.readouterr().err


def test_no_settings_are_needed_elsewhere() -> None:
    """A team's CI has neither the shell's key nor its database, only the address that it requests."""
    environ = {"PATH": "", "MULLION_URL": "http://127.0.0.1:9", "MULLION_TOKEN": "mullion_x"}
    run = subprocess.run(
        [sys.executable, "manage.py", "fragment", "list"], cwd=ROOT, env=environ, capture_output=True, text=True
    )
    assert run.returncode == 1
    assert run.stderr.startswith("fragment list: http://127.0.0.1:9/registry/v1")
    assert "Traceback" not in run.stderr
