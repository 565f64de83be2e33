"""The operators' admin: who may sign in, which verbs each operator may use, what is written to the audit, and what no
operator may change.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.apps import apps
from django.conf import settings as live_settings
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Permission
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from django.test import Client
from django.utils.formats import reset_format_cache

from shell.operations.admin import settings as admin_settings
from shell.operations.admin import site, verbs
from shell.players.models import Player
from shell.registry import models, page_revisions, tokens
from shell.registry.rollout import start_canary
from shell.registry.tokens import Purpose
from tests.support import plain_http
from tests.support.free_ports import free_port
from tests.support.lobby import wait_for
from tests.support.mullion import ROOT

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 4, 9, tzinfo=UTC)
DIFFERENT = (
    *("ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "INSTALLED_APPS", "MIDDLEWARE", "ROOT_URLCONF", "TEMPLATES"),
    *(
        "MESSAGE_STORAGE",
        "FORMAT_MODULE_PATH",
        "SESSION_COOKIE_NAME",
        "CSRF_COOKIE_NAME",
        "LOGIN_URL",
        "SECURE_SSL_REDIRECT",
    ),
)


@pytest.fixture
def admin(settings: Any) -> Iterator[None]:
    """This process has the admin's settings; its database and keys are the shell's anyway."""
    for name in DIFFERENT:
        setattr(settings, name, getattr(admin_settings, name))
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "testserver"]
    # Django remembers how dates are written, once for all settings.
    reset_format_cache()
    yield
    reset_format_cache()


@pytest.fixture(autouse=True)
def live() -> None:
    for version in ("1", "2"):
        release = models.Release.objects.create(
            fragment="poll",
            version=version,
            digest=version * 64,
            manifest_url="https://poll.test/manifest.json",
            manifest=b'{"name": "poll", "version": "1", "content": "/"}',
            fallback=b"<p>Off</p>",
        )
        models.AuditEntry.objects.create(actor="ci", action="published", fragment="poll", release=release)
    models.LiveRelease.objects.create(fragment="poll", release=release)


def signed_in(**traits: Any) -> Client:
    client = Client()
    client.force_login(Player.objects.create_user("olga", **traits))
    return client


def operator() -> Client:
    return signed_in(is_staff=True, is_superuser=True)


def act(client: Client, model: str, verb: str, row: Any, **given: str) -> str:
    """What an operator reads after choosing a verb for one row; Django makes its first letter a capital."""
    body = {"action": verb, "_selected_action": [str(row)], **given}
    answer = client.post(f"/registry/{model}/", body, follow=True)
    assert answer.status_code == 200, answer.content
    found = " ".join(re.findall(r'<li class="(?:success|error)">(.*?)</li>', answer.content.decode(), re.DOTALL))
    return found[:1].lower() + found[1:]


def newest() -> tuple[str, str, str]:
    row = models.AuditEntry.objects.order_by("-pk")[0]
    return row.actor, row.action, row.detail


@pytest.mark.parametrize("who", ["nobody", "player", "blocked"])
def test_who_is_no_operator_sees_the_form_and_nothing_else(admin: None, who: str) -> None:
    """A player, a blocked member of staff and a visitor get the sign-in form for every page and every verb."""
    client = Client() if who == "nobody" else signed_in(is_staff=who == "blocked", is_active=who != "blocked")
    for path in ("/", "/registry/token/", "/registry/auditentry/", "/registry/liverelease/poll/change/"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["Location"].startswith("/login/")) == (302, True)
    answer = client.post("/registry/liverelease/", {"action": "hold", "_selected_action": ["poll"], "reason": "x"})
    assert answer.status_code == 302
    assert not models.Hold.objects.exists()


def test_operator_sees_every_model_and_no_secret(admin: None) -> None:
    """Lists and one row of each model are shown, with the name of the environment, and hold no secret."""
    made = tokens.make_token("poll", Purpose.READ, name="ci", days=9, actor="ops", now=datetime.now(UTC))
    page_revisions.publish_page("offers", b"{}", check=lambda document: None, actor="ops", now=NOW)
    models.TeamMember.objects.create(fragment="poll", account="olga")
    models.Waiver.objects.create(fragment="poll", rule="a11y-alt", reason="drill", actor="ops")
    models.Hold.objects.create(fragment="poll", reason="drill", actor="ops")
    models.Registration.objects.create(fragment="poll")
    start_canary("poll", percent=10, release="1", promotes=False, actor="ci", now=NOW)
    client = operator()
    index = client.get("/").content.decode()
    assert "Mullion, for operators: local" in index
    paths = sorted(set(re.findall(r'href="(/registry/\w+/)"', index)))
    assert len(paths) == 11
    for path in paths:
        listed = client.get(path, {"q": "poll"} if "q" in path else {})
        rows = re.findall(rf'href="({path}[^"/]+/change/)[^"]*"', listed.content.decode())
        assert (listed.status_code, bool(rows)) == (200, True), path
        shown = client.get(rows[0])
        assert shown.status_code == 200
        text = listed.content.decode() + shown.content.decode()
        assert models.Token.objects.get().digest not in text
        assert made.token.split("_", 3)[3] not in text
        assert "default-src 'none'" in shown.headers["Content-Security-Policy"]
        assert shown.headers["Cache-Control"] == "no-store"
    assert re.search(r">\d{4}-\d\d-\d\d \d\d:\d\d:\d\d<", client.get("/registry/auditentry/").content.decode())


@pytest.mark.parametrize("path", ["release", "auditentry", "token", "hold", "pagerevision", "liverelease"])
def test_nothing_is_added_changed_or_deleted_past_the_verbs(admin: None, path: str) -> None:
    """Neither a superuser nor an action of Django's own can change a row of any model, the audit included."""
    client = operator()
    before = list(models.AuditEntry.objects.values())
    assert client.get(f"/registry/{path}/add/").status_code == 403
    assert client.post(f"/registry/{path}/add/", {"fragment": "evil", "actor": "evil"}).status_code == 403
    pk = str(models.AuditEntry.objects.all()[0].pk) if path == "auditentry" else "poll"
    for deed in ("change", "delete"):
        assert client.post(f"/registry/{path}/{pk}/{deed}/", {"actor": "evil", "post": "yes"}).status_code in (302, 403)
    assert client.get(f"/registry/{path}/{pk}/history/").status_code in (302, 404)
    client.post(f"/registry/{path}/", {"action": "delete_selected", "_selected_action": [pk], "post": "yes"})
    assert list(models.AuditEntry.objects.values()) == before
    assert models.LiveRelease.objects.count() == 1


def test_verbs_of_a_fragment_do_what_the_command_does_and_are_audited(admin: None) -> None:
    """The audit has the operator's name and reason; a refused verb shows its reason and changes nothing."""
    client = operator()
    assert "a reason has 1 to 200" in act(client, "liverelease", "hold", "poll")
    assert act(client, "liverelease", "hold", "poll", reason="wrong odds") == "poll is held."
    assert newest() == ("olga", "held", "wrong odds")
    assert act(client, "liverelease", "hold", "poll", reason="wrong odds") == "unchanged: poll is held already."
    assert act(client, "hold", "resume", "poll") == "poll is not held."
    assert act(client, "liverelease", "resume", "poll") == "unchanged: poll is not held already."
    assert act(client, "liverelease", "trust", "poll") == "poll is first-party."
    assert newest()[:2] == ("olga", "trusted")
    assert act(client, "liverelease", "sandbox", "poll") == "poll is sandboxed."
    origins = "https://a.example https://b.example"
    assert act(client, "liverelease", "set_origins", "poll", origins=origins) == f"poll is published from {origins}."
    assert newest() == ("olga", "origins", origins)
    assert "is published from where nobody else is" in act(client, "registration", "set_origins", "poll")
    assert "is no origin" in act(client, "registration", "set_origins", "poll", origins="javascript:1")
    waived = act(client, "liverelease", "waive", "poll", rule="a11y-alt", reason="old pictures")
    assert waived == "a11y-alt is a warning for poll."
    assert act(client, "waiver", "enforce", models.Waiver.objects.get().pk) == "poll is held to a11y-alt."
    assert newest()[:2] == ("olga", "rule_enforced")
    back = act(client, "liverelease", "roll_back", "poll", reason="odds")
    assert back == "poll is 1 (111111111111), after 2."
    assert newest()[:2] == ("olga", "rolled_back")


def test_verbs_of_trials_tokens_and_pages(admin: None) -> None:
    """A trial is promoted, paused and ended; a token is revoked at once; a page goes back by one revision."""
    client = operator()
    start_canary("poll", percent=10, release="1", promotes=True, actor="ci", now=NOW)
    assert act(client, "rollout", "pause", "poll", reason="look first") == "1 of poll stays at 10 %."
    assert newest() == ("olga", "paused", "look first")
    assert act(client, "rollout", "promote", "poll") == "1 of poll is live for everybody."
    start_canary("poll", percent=10, release="2", promotes=True, actor="ci", now=NOW)
    assert act(client, "rollout", "roll_back", "poll") == "poll is 1 (111111111111), after 2."
    made = tokens.make_token("poll", Purpose.READ, name="ci", days=9, actor="ops", now=datetime.now(UTC))
    prefix = made.shown.prefix
    assert act(client, "token", "revoke", prefix) == f"ci [{prefix}] of poll is revoked."
    assert newest()[:2] == ("olga", "token_revoked")
    page_revisions.publish_page("offers", b"{}", check=lambda document: None, actor="ops", now=NOW)
    assert act(client, "livepage", "roll_back", "offers") == "offers is as the pages table has it."
    assert newest()[:2] == ("olga", "page_rolled_back")


def test_staff_without_the_permission_may_look_and_not_act(admin: None) -> None:
    """A member of staff may use a model's verbs only with Django's permission to change that model."""
    client = signed_in(is_staff=True)
    assert b'name="action"' not in client.get("/registry/liverelease/").content
    client.post("/registry/liverelease/", {"action": "hold", "_selected_action": ["poll"], "reason": "x"})
    assert not models.Hold.objects.exists()
    create_permissions(apps.get_app_config("registry"), verbosity=0)  # as migrate does
    Player.objects.get().user_permissions.add(Permission.objects.get(codename="change_liverelease"))
    assert act(client, "liverelease", "hold", "poll", reason="x") == "poll is held."


def test_unwritable_database_is_reported_without_claiming_an_outcome(
    admin: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message does not claim an outcome, as none is known, and names where to look it up."""

    def away(*_: Any, **__: Any) -> bool:
        raise OperationalError("away")

    monkeypatch.setattr(verbs.holds, "hold", away)
    assert "database did not store the change" in act(operator(), "liverelease", "hold", "poll", reason="x")


def test_tries_at_a_password_are_counted_with_those_of_the_pages(admin: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The right password signs in; after too many wrong ones the right one is refused for a while, too."""
    Player.objects.create_user("olga", password="correct-horse", is_staff=True)
    given = {"username": "olga", "password": "correct-horse"}
    assert Client().post("/login/", given).status_code == 302
    throttle = site.SignInThrottle
    counted: dict[Any, Any] = {}

    def one(redis: Any, policy: Any) -> Any:
        made = throttle(redis, replace(policy, account_tries_max=2))
        made._here = counted
        return made

    monkeypatch.setattr(site, "SignInThrottle", one)
    for _ in range(2):
        assert b"Too many tries" not in Client().post("/login/", {**given, "password": "wrong"}).content
    assert b"Too many tries" in Client().post("/login/", given).content


def test_other_sites_page_can_not_act(admin: None) -> None:
    """A form of another site lacks the CSRF token of the operator's browser and is refused."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(Player.objects.create_user("olga", is_staff=True, is_superuser=True))
    answer = client.post("/registry/liverelease/", {"action": "hold", "_selected_action": ["poll"], "reason": "x"})
    assert answer.status_code == 403
    assert not models.Hold.objects.exists()


def test_what_is_no_page_is_a_plain_sentence(admin: None) -> None:
    """An unknown path is answered in plain text, as this process has none of the players' pages."""
    answer = operator().get("/registry/nothing/")
    assert (answer.status_code, answer.content) == (404, b"There is no such page. The admin begins at /.\n")


def test_players_front_has_nothing_of_it() -> None:
    """The shell that serves players has neither the admin's addresses nor its modules nor its middleware."""
    code = "import sys, shell.asgi; print([each for each in sys.modules if each.startswith('django.contrib.admin')])"
    environ = {"DEBUG": "1", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environ, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
    assert not any("admin" in each for each in (*live_settings.INSTALLED_APPS, *live_settings.MIDDLEWARE))
    for path in ("/registry/liverelease/", "/login/", "/operations/admin/", "/admin/"):
        assert Client().get(path, headers={"host": "localhost"}).status_code == 404


@pytest.mark.parametrize(
    ("address", "words"),
    [("operators.example", "is no address"), ("http://operators.example", "passwords could be read on the way")],
)
def test_address_that_would_give_passwords_away_keeps_it_from_starting(address: str, words: str) -> None:
    """Plain HTTP is only accepted on loopback, where a tunnel protects the passwords."""
    code = (
        "from bff.contracts.player_context import new_key_pair; import os;"
        "os.environ['PLAYER_CONTEXT_PRIVATE_KEY'] = new_key_pair()[0]; import shell.operations.admin.settings"
    )
    environ = {"ADMIN_URL": address, "SHELL_SECRET_KEY": "k" * 50, "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environ, capture_output=True, text=True)
    assert ImproperlyConfigured.__name__ in done.stderr
    assert words in done.stderr


def test_admin_is_served_beside_a_copy_with_its_styles(tmp_path: Path) -> None:
    """One command serves the admin on an address of its own beside a running copy; it ends on a signal."""
    port = free_port()
    environ = {"DEBUG": "1", "PATH": "", "MULLION_DATA": str(tmp_path), "PORT": str(port)}
    command = [sys.executable, "manage.py", "admin"]
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout is not None
            assert f"http://localhost:{port}/" in process.stdout.readline().decode()

            def status(path: str) -> int:
                try:
                    return plain_http.get(f"http://localhost:{port}{path}").status_code
                except httpx.TransportError:
                    return 0

            wait_for(lambda: status("/healthz") == 200, 60)
            assert (status("/login/"), status("/static/admin/css/base.css"), status("/static/evil")) == (200, 200, 404)
        finally:
            process.terminate()
            process.wait(15)


@pytest.mark.parametrize(("words", "code", "says"), [("--help", 0, "--port-base 9700"), ("--prot", 2, "--prot")])
def test_admin_says_what_it_takes_and_serves_nothing_for_other_words(words: str, code: int, says: str) -> None:
    """`--help` prints and ends; an unknown argument is refused and nothing is served."""
    command = [sys.executable, "manage.py", "admin", words]
    done = subprocess.run(command, cwd=ROOT, env={"PATH": ""}, capture_output=True, text=True, timeout=60)
    assert done.returncode == code
    assert says in done.stdout + done.stderr
