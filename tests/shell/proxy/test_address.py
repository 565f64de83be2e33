"""Public addresses of proxies: which are passed on, and which a server behind could read as another path."""

import pytest

from shell.proxy.address import Address, AddressRefused, read_address

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "a",
        "a/",
        "v1.2/rows.json",
        ".well-known/x",
        "a..b/...",
        "%D0%B1/a%20b",
        "a;b=1/c,d=2",
        "~user/@x:y/(z)'!*$&+",
        "100%25",
        "a|b",
    ],
)
def test_path_below_a_target_stays_as_it_was_written(rest: str) -> None:
    written = f"/slots/table:rl-7/podlet/api/{rest}"
    assert read_address(written.encode(), "") == Address("table:rl-7", "podlet", "api", rest)


@pytest.mark.parametrize("written", ["/slots/lobby/podlet", "/slots/lobby/podlet/", "/slots/", "/assets/a/b/c", "/"])
def test_other_addresses_are_not_a_proxys(written: str) -> None:
    assert read_address(written.encode(), written) is None


def test_target_itself_is_asked_with_and_without_its_slash() -> None:
    assert read_address(b"/slots/lobby/podlet/api", "") == Address("lobby", "podlet", "api", "")
    assert read_address(b"/slots/lobby/podlet/api/", "") == Address("lobby", "podlet", "api", "")


def test_server_that_gives_no_raw_path_is_read_by_the_decoded_one() -> None:
    assert read_address(b"", "/slots/a b/podlet/api/ä/x") == Address("a b", "podlet", "api", "%C3%A4/x")


@pytest.mark.parametrize(
    "rest",
    [
        *("..", "../x", "a/../b", "a/..", ".", "./x", "a/./b"),
        *("%2e%2e/x", "a/.%2E/b", "%252e%252e/x", "%25252e./x", "..;/x", "..;a=b/x", "%2e%2e;/x"),
        *("a%2Fb", "a%2f..%2fb", "a%252Fb", "a\\b", "a%5Cb", "a%5c..%5cb", "a%255cb"),
        *("a//b", "/a", "//evil.example/x"),
        *("a%00b", "a%0d%0aX:y", "a%7f", "a%250ab"),
        *("a b", "a\tb", 'a"b', "a<b", "a#b", "a?b", "a{b}"),
        *("%", "a%2", "a%zz", "%FF", "%C0%AF", "%ED%A0%80"),
        *("%2525252525", "x" * 2049),
    ],
)
def test_path_that_two_readers_would_read_differently_is_refused(rest: str) -> None:
    """Traversal in every spelling, encoded slashes, empty segments, control characters and invalid UTF-8."""
    with pytest.raises(AddressRefused):
        read_address(f"/slots/lobby/podlet/api/{rest}".encode(), "")


@pytest.mark.parametrize(
    "written", ["/slots/lobby/pod.let/api/x", "/slots/lobby/podlet/a%70i/x", "/slots/lobby/../api"]
)
def test_name_that_no_manifest_could_hold_is_refused(written: str) -> None:
    with pytest.raises(AddressRefused):
        read_address(written.encode(), "")


def test_release_that_drew_the_slot_stays_in_its_name() -> None:
    """The API's address keeps the tag of a release on trial; any other suffix is refused."""
    address = read_address(b"/slots/lobby/podlet~0123456789ab.c0ffee/api/x", "")
    assert address == Address("lobby", "podlet~0123456789ab.c0ffee", "api", "x")
    with pytest.raises(AddressRefused):
        read_address(b"/slots/lobby/podlet~%2e%2e/api/x", "")
