"""Operators see whom to call about a fragment, as its manifest declares it."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from django.test import RequestFactory

from fragments.cli import remote
from shell.operations import views
from shell.registry import models, tokens
from shell.registry.contact import NOBODY, Contact, contact_in
from shell.registry.tokens import Purpose
from shell.wiring import parts
from tests.support.registry_shell import Shell
from tests.support.shell_page import Trio

SAYS = {"owner": "team-poll", "oncall": "+31 20 555 0100", "runbook": "https://wiki.example/poll?at=3#night"}


def manifest(**says: str) -> bytes:
    return json.dumps({"name": "poll", "version": "1", "content": "/", "mullion": says}).encode()


@pytest.mark.parametrize(
    "runbook", ["javascript:alert(1)", "http://wiki.example/", "see the binder", 'https://x.example/"onclick=', ""]
)
def test_runbook_is_a_link_only_where_it_is_an_https_address(runbook: str) -> None:
    """Any other text of a runbook is shown as text."""
    assert contact_in(manifest(runbook=runbook)).link == ""
    assert contact_in(manifest(**SAYS)).link == SAYS["runbook"]


def test_contact_is_bounded_and_missing_in_a_broken_manifest() -> None:
    """Long texts are cut; a release whose manifest would be refused today is listed without a contact."""
    assert contact_in(manifest(owner="x" * 5000)) == Contact(owner="x" * 200)
    assert contact_in(b"{}") == NOBODY


async def test_board_says_whom_to_call() -> None:
    """The contact stands beside the fragment's name, with its markup escaped."""
    async with Trio(extension={**SAYS, "owner": "<b>team</b>"}) as trio:
        shell = replace(parts(), registry=SimpleNamespace(current=trio.snapshot, holds={}))  # type: ignore[arg-type]
        html = views.board_page(RequestFactory().get("/operations/"), shell)
    assert "&lt;b&gt;team&lt;/b&gt; · on call: +31 20 555 0100" in html
    assert f'<a href="{SAYS["runbook"]}" rel="noreferrer">Runbook</a>' in html
    assert "<b>team" not in html


@pytest.mark.django_db(transaction=True)
async def test_show_says_whom_to_call_and_who_brought_each_release(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The contact is from the live release's manifest, and the publisher of each release from the audit."""
    monkeypatch.setattr(parts().registry_throttle, "_here", {})
    for version, actor in (("1", "ci [0a1b]"), ("2", "olga")):
        release = await models.Release.objects.acreate(
            fragment="poll",
            version=version,
            digest=version * 64,
            manifest_url="https://poll.test/manifest.json",
            manifest=manifest(**SAYS),
            fallback=b"<p>Off</p>",
        )
        await models.AuditEntry.objects.acreate(actor=actor, action="published", fragment="poll", release=release)
        await models.AuditEntry.objects.acreate(actor="other", action="rolled_back", fragment="poll", release=release)
    await models.LiveRelease.objects.acreate(fragment="poll", release=release)
    make, now = asyncio.to_thread, datetime.now(UTC)
    held = await make(tokens.make_token, "poll", Purpose.READ, name="ci", days=9, actor="ops", now=now)
    environ = {"MULLION_URL": "https://shell.test", "MULLION_TOKEN": held.token}
    assert await asyncio.to_thread(remote.main, ("show", "poll"), environ, Shell()) == 0
    out = capsys.readouterr().out
    assert f"owner: team-poll; on call: +31 20 555 0100; runbook: {SAYS['runbook']}" in out
    assert [line.split()[-1] for line in out.splitlines() if "11111111" in line] == ["[0a1b]"]
    assert [line.split()[-1] for line in out.splitlines() if line.startswith("live")] == ["olga"]
