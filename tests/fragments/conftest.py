"""A fragment as a real process, with a fake BFF whose replies a test sets.

A module of tests names its fragment (`ROOM`); `replies()` are the replies where a test sets none.
"""

from collections.abc import Iterator

import pytest

from tests.support.fragments_fake_bff import FakeBff
from tests.support.fragments_house import Fragment

Parts = tuple[Fragment, FakeBff]


@pytest.fixture(scope="module")
def parts(request: pytest.FixtureRequest) -> Iterator[Parts]:
    with FakeBff() as bff, Fragment(request.module.ROOM, bff.url) as fragment:
        yield fragment, bff


@pytest.fixture
def bff(parts: Parts, request: pytest.FixtureRequest) -> FakeBff:
    """The fake BFF with the module's replies and no recorded request."""
    fake = parts[1]
    fake.requests.clear()
    fake.replies = request.module.replies()
    return fake


@pytest.fixture
def fragment(parts: Parts, bff: FakeBff) -> Fragment:
    return parts[0]


wallet = live = promotions = fragment  # a test calls it by its name
