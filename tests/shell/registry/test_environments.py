"""Each installation is one environment: its tokens are refused by others, and a release tried in one is published in
another.
"""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import Client
from structlog.testing import capture_logs

from fragments.cli import remote
from shell.operations.views import board_page
from shell.registry import models, tokens
from shell.registry.tokens import Purpose
from shell.wiring import parts
from tests.origin.server import Origin
from tests.support.mullion import ROOT
from tests.support.registry_shell import Shell

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts().registry_throttle, "_here", {})


def made(fragment: str = "origin") -> tokens.MadeToken:
    return tokens.make_token(fragment, Purpose.PUBLISH, name="ci", days=9, actor="ops", now=datetime.now(UTC))


def ask(token: str) -> Any:
    return Client().get("/registry/v1/token", headers={"authorization": f"Bearer {token}"})


def test_token_of_another_environment_is_refused_in_a_sentence(settings: Any) -> None:
    """The message names the token's environment, so that a mix-up in a CI is found; the database is not read."""
    settings.ENVIRONMENT = "staging"
    token = made().token
    assert (ask(token).status_code, ask(token).json()["environment"]) == (200, "staging")
    settings.ENVIRONMENT = "production"
    models.Token.objects.all().delete()
    with capture_logs() as logs:
        refused = ask(token)
    sentence = refused.json()["detail"]
    assert refused.status_code == 401
    assert "This token is for staging, and this shell is production" in sentence
    assert "MULLION_URL" in sentence
    assert [line["environment"] for line in logs if line["event"] == "token_of_another_environment"] == ["staging"]


@pytest.mark.parametrize("claim", ["", "production_"])
def test_copied_database_opens_no_other_environment(settings: Any, claim: str) -> None:
    """With production's rows restored into staging, or the reverse, tokens are refused, also those without an
    environment in their text.
    """
    settings.ENVIRONMENT = "staging"
    token = made().token
    settings.ENVIRONMENT = "production"
    refused = ask(token.replace("mullion_staging_", f"mullion_{claim}"))
    assert (refused.status_code, "is for staging" in refused.json()["detail"]) == (401, True)


def test_token_of_before_there_were_environments_stays_valid() -> None:
    """Neither the token nor its row has an environment."""
    token = made()
    models.Token.objects.update(environment="")
    answer = ask(token.token.replace("mullion_local_", "mullion_"))
    assert (answer.status_code, answer.json()["environment"]) == (200, "")


async def test_name_of_the_environment_stands_in_every_answer(
    settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lists, releases, audit, tokens, publishes and the board have it; the audit has that of the time of the change."""
    settings.ENVIRONMENT = "staging"
    held = await sync_to_async(made)()
    environ = {"MULLION_URL": "https://shell.test", "MULLION_TOKEN": held.token}

    async def run(*argv: str) -> str:
        code = await asyncio.to_thread(remote.main, argv, environ, Shell())
        out, err = capsys.readouterr()
        assert code == 0, err
        return str(out)

    async with Origin() as origin:
        assert '"environment": "staging"' in await run("publish", f"{origin.url}/manifest.json", "--json")
    for argv in (["list"], ["show", "origin"]):
        assert "  staging  " in await run(*argv)
    audited = (await run("audit", "origin")).splitlines()
    assert [line.split()[2] for line in audited] == ["staging", "staging"]
    await models.AuditEntry.objects.filter(action="token_made").aupdate(environment="")
    assert '"environment": ""' in await run("audit", "origin", "--json")
    shown = sync_to_async(lambda: board_page(None, parts()))  # type: ignore[arg-type]
    assert "This shell process of staging" in await shown()


async def test_release_that_stands_in_staging_is_published_in_production_by_its_content(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """From any allowed origin, if the digest is equal; anything else is refused and changes nothing."""
    held = await sync_to_async(made)()
    environ = {"MULLION_URL": "https://shell.test", "MULLION_TOKEN": held.token}

    async def publish(origin: Origin, *argv: str) -> tuple[int, str]:
        argv = ("publish", f"{origin.url}/manifest.json", *argv)
        code = await asyncio.to_thread(remote.main, argv, environ, Shell())
        out, err = capsys.readouterr()
        return code, out + err

    async with Origin() as staging, Origin() as production:
        assert (await publish(staging, "--candidate"))[0] == 0
        release = await models.Release.objects.aget()
        assert release.content
        code, text = await publish(production, "--expect", release.content[:12])
        assert (code, text.startswith("published origin 1.0.0")) == (0, True), text
        live = await models.LiveRelease.objects.select_related("release").aget()
        assert live.release.manifest_url.startswith(production.url)
        assert (live.release.content, live.release.digest == release.digest) == (release.content, False)
        for wrong in (release.content[:11], "0" * 64):
            code, text = await publish(production, "--expect", wrong)
            assert (code, "was expected. Nothing was changed" in text) == (1, True), text
        await production.fail("odd-manifest=changing", at="/manifest.json")
        code, text = await publish(production, "--expect", release.content)
        assert (code, "content: origin 1.0." in text) == (1, True), text
    shown = await asyncio.to_thread(remote.main, ("show", "origin"), environ, Shell())
    assert (shown, f"content {release.content[:12]}" in capsys.readouterr().out) == (0, True)
    assert (await models.LiveRelease.objects.aget()).release_id == live.release_id


@pytest.mark.parametrize("name", ["Prod", "a_b", "x" * 32, "1st"])
def test_invalid_name_of_an_environment_stops_the_start(name: str) -> None:
    """The name is a part of tokens, between two underscores."""
    code = "import shell.settings"
    environ = {"DEBUG": "1", "SHELL_ENVIRONMENT": name, "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environ, capture_output=True, text=True)
    assert "SHELL_ENVIRONMENT is no name" in done.stderr
