"""The kit's parts that need no process: house, context, lean handler."""

import asyncio
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler
from django.test import RequestFactory, override_settings

from bff.contracts.manifest import ManifestRefused, parse
from bff.contracts.player_context import ContextRefused
from bff.contracts.podium_url import resolve
from bff.resilience.border import Border
from fragments.kit import routes
from fragments.kit.asgi import FragmentHandler, _house_folder
from fragments.kit.context import Context, read_context
from fragments.kit.house import House, load
from fragments.kit.policy import POLICY
from fragments.kit.warm import warm
from tests.support.fragments_house import PUBLIC_KEY, ROOT, bearer

pytestmark = pytest.mark.quick

urlpatterns: list[Any] = []
ROOMS = ["wallet", "live_dealer", "promotions", "games"]


def context(room: str = "wallet", path_info: str = "/", **headers: str) -> Context:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return read_context(SimpleNamespace(headers=sent, path_info=path_info), load(ROOT / "fragments" / room), PUBLIC_KEY)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the wallet that a test may change."""
    return Path(shutil.copytree(ROOT / "fragments/wallet", tmp_path / "wallet"))


@pytest.mark.parametrize("room", ROOMS)
def test_manifest_is_podium_with_assets_that_exist(room: str) -> None:
    """A fragment's manifest is read by the contract, and every asset in it is served."""
    house = load(ROOT / "fragments" / room)
    manifest = parse(house.manifest_body)
    assert manifest.mullion.isolation == "shadow"
    for asset in [*manifest.css, *manifest.js]:
        url = resolve("http://fragment.example/manifest.json", asset.value)
        assert house.static[url.removeprefix("http://fragment.example/static/")].body


@pytest.mark.parametrize("variable", ["AWS_LAMBDA_FUNCTION_NAME", "FUNCTION_TARGET", "K_SERVICE"])
def test_manifest_says_that_it_runs_as_a_function(variable: str) -> None:
    """Lambda, functions-framework, Knative and Cloud Run are recognised by their environment variables."""
    folder = ROOT / "fragments/wallet"
    assert load(folder, {}).manifest.mullion.kind == "service"
    as_function = load(folder, {variable: "wallet"})
    assert as_function.manifest.mullion.kind == "function"
    assert as_function.version == load(folder, {}).version, "what it serves is the same"


def test_name_comes_from_house_toml_alone(folder: Path) -> None:
    """Renaming a fragment is one line of data, also against a manifest that claims another name."""
    rename(folder, "purse")
    edit_manifest(folder, name="wallet")
    assert load(folder).name == "purse"
    assert parse(load(folder).manifest_body).name == "purse"


def test_other_content_is_another_version(folder: Path) -> None:
    """Two different contents never share one version, also when nobody raised the number."""
    before = load(folder).version
    (folder / "static/wallet.css").write_text(".balance { color: red }")
    assert load(folder).version != before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"css": [{"value": "/static/missing.css"}]}, "missing.css"),
        ({"css": [{"value": "/static/../settings.py"}]}, "settings.py"),
        ({"mullion": {"deadline_ms": 7}}, "deadline_ms"),
    ],
)
def test_broken_manifest_stops_at_the_start(folder: Path, change: dict[str, Any], words: str) -> None:
    """The process ends before it serves a request, and names the fault."""
    edit_manifest(folder, **change)
    with pytest.raises(ManifestRefused, match=words):
        load(folder)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<p>\n{% if %}", ", line 2: Unexpected end of expression in if tag."),
        ("{% nonsense %}", ", line 1: Invalid block tag on line 1: 'nonsense'"),
        (b"\xff", " can not be read: "),
    ],
)
def test_broken_template_stops_at_the_start_with_its_place(text: str | bytes, words: str, tmp_path: Path) -> None:
    """One sentence has the file, the line and the fault."""
    broken = tmp_path / "templates" / "poll" / "content.html"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(text if isinstance(text, bytes) else text.encode())
    engine = {"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [broken.parents[1]]}
    with override_settings(TEMPLATES=[engine], ROOT_URLCONF=__name__), pytest.raises(ImproperlyConfigured) as refused:
        warm(tmp_path)
    assert str(refused.value).startswith(f"{broken}{words}")


def test_file_that_a_fragment_can_not_start_without_is_named(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """For a missing or unreadable file the process prints one sentence and ends."""
    monkeypatch.setattr("fragments.kit.house.this_house", lambda: load(folder))
    (folder / "manifest.json").write_text("{")
    with pytest.raises(ImproperlyConfigured, match=r"^This fragment can not start: manifest\.json: "):
        _house_folder()
    (folder / "house.toml").write_text("[house")
    with pytest.raises(ImproperlyConfigured, match=r"^This fragment can not start: "):
        _house_folder()
    (folder / "house.toml").unlink()
    with pytest.raises(ImproperlyConfigured, match=r"house\.toml can not be read: No such file or directory\.$"):
        _house_folder()


def test_broken_name_is_refused(folder: Path) -> None:
    """A name that could not be a slot's or an audience's is refused."""
    rename(folder, "My Wallet")
    with pytest.raises(ManifestRefused, match=r"house\.toml"):
        load(folder)


@pytest.mark.parametrize(
    "written", [b"[house", b"\xff", b"house = 3\n", b"[house]\n", b'[house]\nname = "a\\n"\n', b""]
)
def test_house_file_without_a_name_says_what_is_wanted(folder: Path, written: bytes) -> None:
    """For every fault the message names the file and the table."""
    (folder / "house.toml").write_bytes(written)
    with pytest.raises(ManifestRefused, match=r"^house\.toml: .*; the table \[house\] gives a name in lower-case"):
        load(folder)


def rename(folder: Path, name: str) -> None:
    path = folder / "house.toml"
    path.write_text(path.read_text().replace('name = "wallet"', f'name = "{name}"', 1))


def edit_manifest(folder: Path, **change: Any) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))


def test_context_of_a_player_is_the_bearers() -> None:
    """Currency and locale of a signed-in player come from what the shell signed."""
    one = context(authorization=bearer("wallet", currency="GBP"), podium_currency="EUR", podium_locale="de")
    assert one.player is not None
    assert (one.player.player, one.currency, one.locale) == ("pl_amber", "GBP", "en-GB")


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (lambda: bearer("promotions"), "context_audience"),
        (lambda: bearer("wallet", expires_in_s=-1), "context_expired"),
        (lambda: "Bearer nonsense", "context_malformed"),
        (lambda: "Basic YTpi", "context_malformed"),
    ],
)
def test_bearer_for_somebody_else_is_refused(authorization: Callable[[], str], code: str) -> None:
    """A bearer needs this fragment as its audience and must not be expired."""
    with pytest.raises(ContextRefused, match=code):
        context(authorization=authorization())


def test_shared_fragment_reads_no_bearer() -> None:
    """A shared fragment has no player, also when a bearer is sent."""
    one = context("live_dealer", authorization=bearer("live-dealer"), podium_currency="JPY", podium_locale="ja")
    assert (one.player, one.authorization, one.currency, one.locale) == (None, "", "JPY", "ja")


def test_players_path_of_a_shared_fragment_knows_its_player() -> None:
    """On a path that the manifest declares as a player's, bearer and grant are read."""
    sent = {"authorization": bearer("live-dealer"), "mullion_grant": "a-game-token"}
    slip = context("live_dealer", "/slip/201", **sent)
    assert slip.player is not None
    assert (slip.player.player, slip.grant) == ("pl_amber", "a-game-token")
    grid = context("live_dealer", "/grid", **sent)
    assert (grid.player, grid.grant) == (None, "")
    with pytest.raises(ContextRefused, match="context_audience"):
        context("live_dealer", "/actions/bet", authorization=bearer("wallet"))


@pytest.mark.parametrize("value", ["//evil.example", "https://evil.example/", "/a\\b", "/a\nb", "/" + "a" * 5000, ""])
def test_prefix_that_is_no_pathname_is_dropped(value: str) -> None:
    """A prefix ends up in forms, so anything but a pathname of this origin is left out."""
    one = context(podium_public_pathname=value, podium_mount_pathname=value)
    assert (one.prefix, one.mount_pathname) == ("", "/")


@pytest.mark.parametrize(
    ("value", "ms"), [("300", 300), ("-1", 800), ("1e9", 800), ("٣", 800), ("999999", 30_000), (None, 800)]
)
def test_deadline_is_the_shells_or_the_manifests(value: str | None, ms: int) -> None:
    """The shell's header counts within limits; without a readable one the manifest's deadline does."""
    headers = {"mullion_deadline_ms": value} if value is not None else {}
    remaining_ms = context(**headers).deadline.remaining_ms(time.monotonic())
    assert ms - 100 < remaining_ms <= ms


class FakeDjango(ASGIHandler):
    """Django's handler with a view of the test's own in place of its routing."""

    def __init__(self, answer: Any) -> None:
        self._answer_with = answer

    async def get_response_async(self, request: Any) -> Any:
        return await self._answer_with(request)


def fragment(answer: Any) -> FragmentHandler:
    async def stop() -> None: ...

    return FragmentHandler(FakeDjango(answer), stop)


async def exchange(handler: Any, *messages: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages that the handler sends for `messages`, after which nothing more arrives."""
    waiting = iter(messages)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        message = next(waiting, None)
        return message if message is not None else await asyncio.Future()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}
    await asyncio.wait_for(handler(scope, receive, send), 5)
    return sent


async def test_body_beyond_the_cap_is_not_read() -> None:
    """A body above the policy's size is refused while it arrives, and no view is called."""

    async def never(request: Any) -> Any:
        raise AssertionError("a view was called")

    piece = {"type": "http.request", "body": b"x" * POLICY.request_body_bytes_max, "more_body": True}
    sent = await exchange(Border(fragment(never), body_bytes_max=POLICY.request_body_bytes_max), piece, piece)
    assert sent[0]["status"] == 413


async def test_client_that_leaves_ends_its_request() -> None:
    """When the caller disconnects, the view is cancelled and nothing is sent."""
    ended = asyncio.Event()

    async def slow(request: Any) -> Any:
        try:
            await asyncio.sleep(30)
        finally:
            ended.set()

    sent = await exchange(fragment(slow), {"type": "http.request", "body": b""}, {"type": "http.disconnect"})
    assert ended.is_set()
    assert sent == []


async def test_mistake_in_a_view_reaches_the_server() -> None:
    """An exception is passed on to the server, which logs it."""

    async def broken(request: Any) -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await exchange(fragment(broken), {"type": "http.request", "body": b""})


def test_house_is_complete() -> None:
    """Every fragment has the files that a deployment needs."""
    for room in ROOMS:
        folder = ROOT / "fragments" / room
        assert isinstance(load(folder), House)
        for name in ("README.md", "Dockerfile", "asgi.py", "function.py", "settings.py", "views.py"):
            assert (folder / name).is_file(), f"{room}/{name}"


@pytest.mark.parametrize("room", ROOMS)
async def test_page_of_any_origin_may_read_what_a_layout_links(monkeypatch: pytest.MonkeyPatch, room: str) -> None:
    """CORS headers allow modules, stylesheets and pictures, also in a 304."""
    house = load(ROOT / "fragments" / room)
    monkeypatch.setattr(routes, "this_house", lambda: house)
    for name, file in house.static.items():
        for held, status in (("", 200), (file.etag, 304)):
            answer = await routes.static(RequestFactory().get("/", headers={"if-none-match": held}), name)
            found = (answer.status_code, answer["access-control-allow-origin"], answer["cross-origin-resource-policy"])
            assert found == (status, "*", "cross-origin"), name


async def test_fragment_that_is_ending_wants_no_new_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """`/healthz` answers 200 until the process ends, `/readyz` until its shutdown begins."""
    request = RequestFactory().get("/readyz")
    assert ((await routes.readyz(request)).status_code, (await routes.healthz(request)).status_code) == (200, 200)
    monkeypatch.setattr(routes.DRAIN, "active", True)
    assert ((await routes.readyz(request)).status_code, (await routes.healthz(request)).status_code) == (503, 200)
