"""The shell under daphne, the other server that `up` knows."""

from tests.support.lobby import wait_for, whole
from tests.support.mullion import Mullion


def test_lobby_comes_whole_from_daphne() -> None:
    """Every slot is filled though no fragment answers, and the page's own scripts and styles come from there too."""
    with Mullion("--server", "daphne", "--only", "shell") as house:
        wait_for(lambda: house.get("/")[0] == 200)
        status, page = house.get("/")
        assert (status, whole(page)) == (200, True)
        files = {part.partition('"')[0] for part in page.split('="/static/')[1:]}
        assert {name.rpartition(".")[2] for name in files} >= {"js", "css"}
        assert {name: house.get(f"/static/{name}")[0] for name in files} == dict.fromkeys(files, 200)
