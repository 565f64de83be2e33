"""The mark of a tester's session: minted with the key of a run, believed with that key alone, for a while."""

from pathlib import Path

import pytest

from bff.contracts.partition import LIFE_S_MAX, PartitionRefused, in_baggage, in_cookies, read, sign
from shell.operations.up import keys
from shell.operations.up.plan import PARTITION_KEY
from tests.drills import cli
from tests.drills.mark import COOKIE, LIFE_S, key_of, mint, name_of
from tests.drills.proxy import head
from tests.drills.proxy.toxic import create

KEY, NOW = "k" * 64, 1_800_000_000


def test_mark_is_believed_with_its_key_until_it_expires() -> None:
    mark = mint(KEY, "anna", now=NOW)
    assert name_of(mark, KEY, now=NOW) == name_of(mark, KEY, now=NOW + LIFE_S - 1) == "anna"
    assert name_of(mark, KEY, now=NOW + LIFE_S) == ""
    assert mint(KEY, now=NOW) != mint(KEY, now=NOW)


@pytest.mark.parametrize(
    "forge",
    [
        lambda mark: "",
        lambda mark: "anna",
        lambda mark: mark[:-1],
        lambda mark: mark + "A",
        lambda mark: mark.replace("anna", "anne"),
        lambda mark: mark.rpartition(".")[0] + ".",
        lambda mark: mark.rpartition(".")[0] + "." + "A" * 43,
        lambda mark: mark.replace(f".{NOW + LIFE_S}.", f".{NOW + LIFE_S + 1}."),
        lambda mark: mark.upper(),
        lambda mark: mark.replace("anna", "ann\N{LATIN SMALL LETTER A WITH ACUTE}"),
        lambda mark: mint("j" * 64, "anna", now=NOW),
        lambda mark: sign(KEY, "anna", expires_s=NOW + LIFE_S_MAX + 1),
    ],
)
def test_forged_mark_is_none(forge) -> None:  # type: ignore[no-untyped-def]
    forged = forge(mint(KEY, "anna", now=NOW))
    assert read(forged, KEY, now=NOW) is None
    assert in_cookies(f"{COOKIE}={forged}", KEY, now=NOW) is None


def test_without_a_key_no_mark_is_made_and_none_is_read() -> None:
    mark = mint(KEY, "anna", now=NOW)
    assert read(mark, "", now=NOW) is in_cookies(f"{COOKIE}={mark}", "", now=NOW) is None
    assert in_baggage(f"{COOKIE}={mark}", "", now=NOW) is None
    with pytest.raises(PartitionRefused, match="without a key"):
        mint("", "anna")


@pytest.mark.parametrize("name", ["Anna", "a b", "a;b", "a.b", "-a", "a" * 33, "\N{LATIN SMALL LETTER A WITH ACUTE}"])
def test_name_that_a_header_or_a_log_could_trip_over_is_refused(name: str) -> None:
    with pytest.raises(PartitionRefused, match="lower-case letters"):
        mint(KEY, name)


def test_cookie_and_baggage_are_read_among_others_and_two_are_none() -> None:
    anna, ben = (mint(KEY, name, now=NOW) for name in ("anna", "ben"))
    found = in_cookies(f"sessionid=1; {COOKIE}={anna}; x={COOKIE}", KEY, now=NOW)
    assert found is not None
    assert (found.name, found.value, found.baggage) == ("anna", anna, ("baggage", f"{COOKIE}={anna}"))
    assert in_cookies(f"{COOKIE}={anna}; {COOKIE}={ben}", KEY, now=NOW) is None
    assert in_cookies(f"not-{COOKIE}={anna}", KEY, now=NOW) is None
    assert in_baggage(f"userId=1;p=2 , {COOKIE} = {anna};p=2,z", KEY, now=NOW) == found
    assert in_baggage(f"{COOKIE}={anna},{COOKIE}={anna}", KEY, now=NOW) is None
    assert in_baggage(f"{'x' * 8192},{COOKIE}={anna}", KEY, now=NOW) is None


def test_mark_fits_a_fault_and_is_what_the_proxy_reads() -> None:
    mark = mint(KEY, "anna", now=NOW)
    request = head.parse(f"GET / HTTP/1.1\r\nBaggage: a=1,{COOKIE}={mark};x\r\n\r\n".encode())
    assert request is not None
    assert request.mark == mark
    assert create({"type": "latency", "session": mark}, ("http",), 0.0).session == mark


def test_proxy_finds_the_mark_of_a_browser_in_its_cookie() -> None:
    """On a page's hop and in a socket's upgrade, where no browser can set baggage; two of them are none."""
    mark = mint(KEY, "anna", now=NOW)
    upgrade = f"GET /live HTTP/1.1\r\nUpgrade: websocket\r\nCookie: sessionid=1; {COOKIE}={mark}\r\n\r\n"
    request = head.parse(upgrade.encode())
    assert request is not None
    assert (request.mark, request.websocket) == (mark, True)
    other = head.parse(upgrade.replace("sessionid=1", f"{COOKIE}=x").encode())
    assert other is not None
    assert other.mark == ""


def test_key_of_a_run_lies_there_while_it_lasts_for_its_owner_alone(tmp_path: Path) -> None:
    assert key_of(tmp_path) == ""
    with keys.run_key(tmp_path, {}, wanted=True) as first:
        assert first == {PARTITION_KEY: key_of(tmp_path)}
        assert (tmp_path / keys.PARTITION_FILE).stat().st_mode & 0o777 == 0o600
    assert key_of(tmp_path) == ""
    with keys.run_key(tmp_path, {}, wanted=True) as second:
        assert second[PARTITION_KEY] != first[PARTITION_KEY]
        assert len(second[PARTITION_KEY]) >= 32


def test_run_without_drills_has_no_key_and_forgets_that_of_one_that_was_killed(tmp_path: Path) -> None:
    (tmp_path / keys.PARTITION_FILE).write_text("left over")
    with keys.run_key(tmp_path, {}, wanted=False) as none:
        assert (none, key_of(tmp_path)) == ({}, "")
    with keys.run_key(tmp_path, {PARTITION_KEY: KEY}, wanted=True) as given:
        assert (given, key_of(tmp_path)) == ({}, "")


def test_drill_mark_prints_the_value_alone_where_a_script_reads(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(PARTITION_KEY, KEY)
    assert cli.main(["mark", "--name", "anna"]) == 0
    out, err = capsys.readouterr()
    assert name_of(out.strip(), KEY) == "anna"
    assert f'document.cookie = "{COOKIE}={out.strip()}; path=/; SameSite=Lax"' in err
    assert cli.main(["mark", "--name", "Anna Bell"]) == 2
    assert "manage.py drill: --name: the name 'Anna Bell' is not" in capsys.readouterr().err


def test_drill_mark_needs_a_copy_that_runs_with_drills(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MULLION_DATA_ROOT", str(tmp_path))
    monkeypatch.delenv(PARTITION_KEY, raising=False)
    assert cli.main(["mark"]) == 3
    assert "No Mullion runs here. Start one with: manage.py up --drills" in capsys.readouterr().err
