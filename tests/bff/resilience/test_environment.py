"""Numbers from a process's environment variables."""

import pytest

from bff.resilience.environment import number_of

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(("environ", "number"), [({}, 8000), ({"PORT": ""}, 8000), ({"PORT": "65535"}, 65_535)])
def test_a_port_is_the_environments_and_else_the_default(environ: dict[str, str], number: int):
    """An empty one is none."""
    assert number_of(environ, "PORT", 8000) == number


@pytest.mark.parametrize("value", ["65536", "-1", "8000.0", "http", "٨"])
def test_a_port_that_is_none_ends_the_process_with_its_name(value: str):
    """A mistake in a setting is told at the start, in a sentence."""
    with pytest.raises(SystemExit, match=r"^PORT can not be used: it is a number from 0 to 65535\.$"):
        number_of({"PORT": value}, "PORT", 8000)
