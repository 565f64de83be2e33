"""The CI workflow of the documentation is executed, command by command."""

import asyncio
import re
import shlex
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from asgiref.sync import sync_to_async

from fragments.cli import remote
from shell.registry import models, tokens
from shell.registry.tokens import Purpose
from shell.wiring import parts
from tests.origin.server import Origin
from tests.support.mullion import ROOT
from tests.support.registry_shell import Shell

pytestmark = pytest.mark.django_db(transaction=True)
BOOK = ROOT / "fragments" / "README.md"


def workflow() -> dict[Any, Any]:
    text = BOOK.read_text("utf-8").partition("```yaml\n# .github/workflows/ship.yml")[2].partition("```")[0]
    return yaml.safe_load(text.partition("\n")[2])  # type: ignore[no-any-return]


def commands(job: dict[str, Any]) -> list[list[str]]:
    """The job's commands of the installed `mullion`, without its installation."""
    lines = [step["run"] for step in job["steps"]]
    assert re.match(r"pipx install ", lines[0])
    words = [shlex.split(line) for line in lines[1:]]
    assert {tuple(each[:2]) for each in words} == {("mullion", "fragment")}
    return [each[2:] for each in words]


async def test_workflow_of_the_book_checks_tries_and_promotes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With one token and the shell's address, job by job; the second job starts after the first."""
    monkeypatch.setattr(parts().registry_throttle, "_here", {})
    file = workflow()
    assert file["jobs"]["promote"]["needs"] == "canary"
    assert set(file["env"]) == {"MULLION_URL", "MULLION_TOKEN", "MANIFEST"}
    make = sync_to_async(tokens.make_token)
    held = (await make("origin", Purpose.PUBLISH, name="ci", days=9, actor="ops", now=datetime.now(UTC))).token

    async def run(argv: list[str], manifest: str) -> None:
        words = [{"$MANIFEST": manifest, "poll": "origin"}.get(word, word) for word in argv]
        environ = {"MULLION_URL": "https://shell.test", "MULLION_TOKEN": held}
        code = await asyncio.to_thread(remote.main, words, environ, Shell())
        assert code == 0, (words, capsys.readouterr().err)

    async with Origin() as before, Origin() as after:
        await run(["publish", f"{before.url}/manifest.json"], "")
        await after.fail("odd-manifest=changing", at="/manifest.json")
        for job in file["jobs"].values():
            for argv in commands(job):
                await run(argv, f"{after.url}/manifest.json")
    live = await models.LiveRelease.objects.select_related("release").aget(fragment="origin")
    assert live.release.manifest_url == f"{after.url}/manifest.json"
    actions = [row.action async for row in models.AuditEntry.objects.order_by("pk")]
    assert actions == ["token_made", "published", "canary", "promoted"]
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("can be published: origin 1.0.") for line in lines)
    assert "is live for everybody" in lines[-1]
