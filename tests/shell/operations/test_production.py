"""Settings with which production refuses to start, each reported in one sentence."""

import os
import re
import runpy
import subprocess
import sys
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from bff.contracts.player_context import new_key_pair
from bff.resilience.proxies import ProxyHops
from shell.operations.production import check_production, unsafe
from shell.security import header_list
from tests.support.mullion import ROOT

pytestmark = pytest.mark.quick

SOUND = "k" * 16 + "0123456789abcdef"
PRIVATE_KEY, PUBLIC_KEY = new_key_pair()
LOCALS = {
    "shell/settings.py": {"SHELL_SECRET_KEY": "a-local-run-signs-with-this-and-nothing-else-does"},
    "bff/commands/settings.py": {
        "COMMANDS_SECRET_KEY": "a-local-run-signs-with-this-and-nothing-else-does",
        "PAYMENTS_WEBHOOK_SECRET": "a-local-run-trusts-this-signature",
        "GAMES_WALLET_SECRET": "a-local-run-plays-with-this",
    },
    "bff/sandbox/settings.py": {
        "PAYMENTS_WEBHOOK_SECRET": "a-local-run-trusts-this-signature",
        "GAMES_WALLET_SECRET": "a-local-run-plays-with-this",
    },
    "bff/feeds/settings.py": {"GAMES_LIST_SECRET": "a-local-run-lists-games-with-this"},
}
SECRETS = [(file, name) for file, names in LOCALS.items() for name in names]


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without `DEBUG` in which every house's settings are sound."""
    monkeypatch.delenv("DEBUG", raising=False)
    for names in LOCALS.values():
        for name in names:
            monkeypatch.setenv(name, SOUND)
    for name in ("PLAYER_CONTEXT_PRIVATE_KEY", "PLAYER_CONTEXT_PUBLIC_KEY"):
        monkeypatch.setenv(name, "PEM")
    monkeypatch.setenv("PUBLIC_URL", "https://lobby.example")
    monkeypatch.setenv("GAMES_LIST_URL", "https://games.example/game/list")
    return monkeypatch


@pytest.mark.parametrize(("file", "name"), SECRETS)
def test_key_that_could_be_guessed_is_refused(production: pytest.MonkeyPatch, file: str, name: str) -> None:
    """A key that is missing, short or a local run's own is refused; a generated one is accepted."""
    runpy.run_path(str(ROOT / file))
    for value, words in (("", "is not set"), (LOCALS[file][name], "could be guessed"), ("short", "could be guessed")):
        production.setenv(name, value)
        with pytest.raises(ImproperlyConfigured, match=f"{name} {words}"):
            runpy.run_path(str(ROOT / file))


def test_pages_without_tls_may_open_no_socket(production: pytest.MonkeyPatch) -> None:
    """The live house refuses plain HTTP as the shell does."""
    file = str(ROOT / "bff/live/settings.py")
    runpy.run_path(file)
    for name in ("PUBLIC_URL", "LIVE_ORIGINS"):
        production.setenv("PUBLIC_URL", "https://lobby.example")
        production.setenv(name, "http://lobby.example")
        with pytest.raises(ImproperlyConfigured, match="served by https only"):
            runpy.run_path(file)


def test_gallery_is_nothing_that_players_reach(production: pytest.MonkeyPatch) -> None:
    """Without `DEBUG` `/gallery/` is a 404, whatever address the environment names."""
    production.setenv("GALLERY_URL", "https://wall.example/gallery/")
    assert runpy.run_path(str(ROOT / "shell/settings.py"))["GALLERY_URL"] == ""
    production.setenv("DEBUG", "1")
    assert runpy.run_path(str(ROOT / "shell/settings.py"))["GALLERY_URL"] == "https://wall.example/gallery/"


@pytest.mark.parametrize(
    ("file", "name", "value"),
    [
        ("shell/settings.py", "SHELL_DATABASE_URL", "secret@localhost/db"),
        ("shell/settings.py", "SHELL_DATABASE_URL", "postgres://u:secret@host:port/db"),
        ("bff/commands/settings.py", "DATABASE_URL", "secret@localhost/db"),
        ("shell/settings.py", "INNER_PORT", "inner"),
        ("bff/live/settings.py", "INNER_PORT", "inner"),
    ],
)
def test_invalid_address_is_reported_without_its_value(
    production: pytest.MonkeyPatch, file: str, name: str, value: str
) -> None:
    """The message has the variable's name and not its value: a database's address may hold a password."""
    production.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=f"^{name} is no ") as refused:
        runpy.run_path(str(ROOT / file))
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("file", ["shell/settings.py", "bff/live/settings.py"])
def test_proxies_that_are_no_addresses_are_refused(production: pytest.MonkeyPatch, file: str) -> None:
    """A misspelt proxy would otherwise be trusted by nobody, or another host be trusted in its place."""
    production.setenv("PROXY_HOPS", "balancer")
    with pytest.raises(ImproperlyConfigured, match="PROXY_HOPS can not be used: 'balancer' is no address"):
        runpy.run_path(str(ROOT / file))


@pytest.fixture
def public(settings: Any) -> Any:
    """Settings with which a production run starts."""
    settings.LOCAL = False
    settings.ALLOWED_HOSTS = ["lobby.example"]
    settings.PUBLIC_URL, settings.BFF_PUBLIC_URL = "https://lobby.example", "https://live.lobby.example"
    settings.MEDIA_ORIGINS = ["https://video.example"]
    settings.PROXY_HOPS = ProxyHops.parse("10.0.0.0/8")
    settings.PLAYER_CONTEXT_PRIVATE_KEY = PRIVATE_KEY
    return settings


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ALLOWED_HOSTS", ["lobby.example", "*"], "SHELL_ALLOWED_HOSTS"),
        ("PUBLIC_URL", "http://lobby.example", "PUBLIC_URL is http://lobby.example"),
        ("PUBLIC_URL", "lobby.example", "PUBLIC_URL is lobby.example"),
        ("BFF_PUBLIC_URL", "http://localhost:8012", "BFF_PUBLIC_URL is http://localhost:8012"),
        ("PLAYER_CONTEXT_PRIVATE_KEY", "PEM", "PLAYER_CONTEXT_PRIVATE_KEY is no Ed25519"),
        ("PLAYER_CONTEXT_PRIVATE_KEY", PUBLIC_KEY, "PLAYER_CONTEXT_PRIVATE_KEY is no Ed25519"),
        ("MEDIA_ORIGINS", ["https://a.example", "http://b.example"], "MEDIA_ORIGINS is http://b.example"),
    ],
)
def test_what_would_be_unsafe_in_public_keeps_the_shell_from_starting(
    public: Any, name: str, value: Any, words: str
) -> None:
    """Each unsafe setting is one sentence; a local run accepts all of them."""
    assert unsafe() == []
    setattr(public, name, value)
    (sentence,) = unsafe()
    assert words in sentence
    assert "\n" not in sentence
    public.LOCAL = True
    assert unsafe() == []


def test_key_of_partitions_in_production_is_warned_of_and_starts(public: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A staging system may have the key; a production system without testers should not."""
    assert check_production(None) == []
    monkeypatch.setenv("PARTITION_KEY", SOUND)
    (warning,) = check_production(None)
    assert (warning.id, warning.msg.partition(",")[0]) == ("production.W002", "PARTITION_KEY is set")
    assert unsafe() == []


@pytest.mark.parametrize(
    ("environ", "words"),
    [({"SHELL_SECRET_KEY": "short"}, "SHELL_SECRET_KEY could be guessed"), ({}, "PUBLIC_URL is http://")],
)
def test_refusal_is_all_that_a_start_says(environ: dict[str, str], words: str) -> None:
    """The served process prints sentences and an exit code, and no traceback."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    sound = {"SHELL_SECRET_KEY": SOUND, "PLAYER_CONTEXT_PRIVATE_KEY": PRIVATE_KEY, "PUBLIC_URL": "http://lobby.example"}
    done = subprocess.run(
        [sys.executable, "-m", "bff.resilience.serving", "shell.asgi:application"],
        cwd=ROOT,
        env={**inherited, **sound, **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert all(words in line or "production.E002" in line for line in done.stderr.strip().splitlines())


def test_command_refuses_the_same_and_imports_nothing_that_is_served() -> None:
    """Views, URLs and HTTP clients are not imported, as they take longer than the rest of the command."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    sound = {"SHELL_SECRET_KEY": SOUND, "PLAYER_CONTEXT_PRIVATE_KEY": PRIVATE_KEY, "PUBLIC_URL": "http://lobby.example"}
    command = [sys.executable, "-X", "importtime", "manage.py", "fragment", "list"]
    done = subprocess.run(command, cwd=ROOT, env={**inherited, **sound}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "PUBLIC_URL is http://lobby.example" in done.stderr
    imported = set(re.findall(r"^import time:.*\| +(\S+)$", done.stderr, re.MULTILINE))
    assert "shell.operations.local_registry" in imported
    assert (
        imported & {"httpx", "ninja", "pydantic", "shell.urls", "shell.asgi", "shell.operations.registry_api"} == set()
    )


@pytest.mark.parametrize("module", ["bff.commands.relay", "bff.commands.bonuses.offers_intake", "bff.live.serve"])
def test_process_with_a_door_of_its_own_refuses_in_one_sentence(module: str) -> None:
    """Workers and the live house refuse as served processes do."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "-m", module]
    done = subprocess.run(command, cwd=ROOT, env=inherited, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert "is not set" in done.stderr


def test_preload_list_is_opted_into(settings: Any) -> None:
    """HSTS preload can not be taken back soon, so only the owner of the name turns it on."""
    settings.SECURE_HSTS_SECONDS, settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = 60, True
    settings.SECURE_HSTS_PRELOAD = False
    assert dict(header_list.__wrapped__())["strict-transport-security"] == "max-age=60; includeSubDomains"
    settings.SECURE_HSTS_PRELOAD = True
    assert dict(header_list.__wrapped__())["strict-transport-security"] == "max-age=60; includeSubDomains; preload"


def test_demo_players_are_refused(public: Any) -> None:
    """The demonstration's players have a published password."""
    with pytest.raises(CommandError, match="only with DEBUG=1"):
        call_command("seed_players")
