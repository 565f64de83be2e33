"""A fragment as a real process, before a BFF that says what each test wants.

A module of tests names its fragment (`ROOM`), and `replies()` is what the BFF has where a test wants nothing else.
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
    """Without a request, and with the replies of the module."""
    fake = parts[1]
    fake.requests.clear()
    fake.replies = request.module.replies()
    return fake


@pytest.fixture
def fragment(parts: Parts, bff: FakeBff) -> Fragment:
    return parts[0]


wallet = live = promotions = fragment  # a test calls it by its name
