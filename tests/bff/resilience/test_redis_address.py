"""Addresses of Valkey and Redis, as an operator writes them."""

import re

import pytest

from bff.resilience.redis_address import RedisAddress, read_address
from bff.resilience.redis_clients import async_client, blocking_client
from bff.resilience.redis_primary import NODE_S
from tests.support.mullion import ROOT

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("url", ["redis://u:p@h:6379/0", "rediss://h", "unix:///run/valkey.sock"])
def test_one_server_is_left_to_redis_py(url: str) -> None:
    assert read_address(url) == RedisAddress(url)


def test_sentinels_name_their_primary_and_its_database() -> None:
    """User and password are the server's; Sentinel's own stand in the options, and redis-py's options go to it."""
    found = read_address(
        "sentinel://me:p%40ss@s1:1,s2,[::1]:3/players/4?sentinel_username=a&sentinel_password=b&client_name=x"
    )
    assert found.server == "redis://me:p%40ss@found:1/4?client_name=x"
    assert (found.found_by, found.name) == ("sentinel", "players")
    assert found.nodes == (("s1", 1), ("s2", 26379), ("::1", 3))
    assert (found.sentinel_username, found.sentinel_password, found.tls) == ("a", "b", False)
    assert found.key("view:x") == "view:x"


def test_cluster_keeps_the_keys_of_a_group_together_and_speaks_tls_where_told() -> None:
    found = read_address("clusters://:secret@n1,n2:7001")
    assert found == RedisAddress("rediss://:secret@found:1/0", "cluster", (("n1", 6379), ("n2", 7001)))
    assert found.tls
    assert (found.key("view:x"), found.key("a", group="b")) == ("{mullion}:view:x", "{b}:a")
    assert read_address("cluster://n1/0").nodes == (("n1", 6379),)


def test_clients_are_made_in_one_place() -> None:
    """Whoever made one of their own would know neither Sentinel nor a cluster."""
    makes = re.compile(r"\b(Redis|ConnectionPool|RedisCluster)(\.from_url)?\(")
    files = [file for house in ("bff", "shell", "fragments") for file in (ROOT / house).rglob("*.py")]
    made = {str(file.relative_to(ROOT)) for file in files if makes.search(file.read_text())}
    assert made == {"bff/resilience/redis_clients.py", "bff/resilience/redis_primary.py"}


@pytest.mark.parametrize(("connect_s", "node_s"), [(None, NODE_S), (0.05, NODE_S), (10.0, 5.0)])
def test_node_that_is_asked_has_half_of_the_time_to_connect(connect_s: float | None, node_s: float) -> None:
    """Whoever is patient with a server is so with a busy Sentinel; a page's call asks the next one soon."""
    client = async_client("sentinel://s1/players", connect_s=connect_s, answer_s=None)
    assert client.connection_pool.connection_class.primary._node_s == node_s  # type: ignore[attr-defined]


def test_client_names_its_keys_as_its_address_asks() -> None:
    shell = async_client("cluster://n1", group="shell", connect_s=1, answer_s=1)
    assert shell.key("copy") == "{shell}:copy"
    assert blocking_client("sentinel://s1/players", connect_s=1, answer_s=1).key("copy") == "copy"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("sentinel://s1:1", "name is missing"),
        ("sentinel://s1:1/?client_name=x", "name is missing"),
        ("sentinel://s1/players/x", "the number of a database"),
        ("sentinel://s1/players/0/1", "the number of a database"),
        ("sentinel://s1,,s2/players", "no host"),
        ("sentinel:///players", "no host"),
        ("sentinel://s1:x/players", "no number for its port"),
        ("sentinel://s1:/players", "no number for its port"),
        ("sentinel://me:hunter2@s1:hunter2/players", "no number for its port"),
        ("cluster://n1/1", "one database"),
        ("cluster://n1/players", "one database"),
        ("cluster://n1?sentinel_password=hunter2", "sentinel_password belong to sentinel://"),
    ],
)
def test_what_is_no_address_is_refused_in_words_and_without_the_password(url: str, why: str) -> None:
    with pytest.raises(ValueError, match="REDIS_URL or BROKER_URL is refused") as refused:
        read_address(url)
    assert why in str(refused.value)
    assert f"{url[:8]}".rstrip(":/") + "://host:port[,host:port]" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_an_address_shows_no_password_when_it_is_printed() -> None:
    assert "hunter2" not in repr(read_address("sentinel://a:hunter2@s1/players?sentinel_password=hunter2"))
