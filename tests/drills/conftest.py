"""A Mullion with the fault proxy on its hops, for tests that break hops and heal them."""

from collections.abc import Iterator

import pytest

from tests.drills.control import Control
from tests.support.mullion import Mullion

PARTS = (
    "shell",
    "live-dealer",
    "promotions",
    "games",
    "wallet",
    "bff-queries",
    "bff-live",
    "ingest",
    "sandbox-tables",
    "sandbox-promotions",
    "sandbox-games",
    # For a player's wallet, which says so where nothing can be paid in.
    "bff-commands",
    "projector",
    "relay",
    "sandbox-payments",
)


@pytest.fixture(scope="session")
def _drilled_house_of_the_run() -> Iterator[Mullion]:
    with Mullion("--drills", "--only", *PARTS) as mullion:
        yield mullion


@pytest.fixture
def drilled_house(_drilled_house_of_the_run: Mullion) -> Iterator[Mullion]:
    """The processes that a player's lobby needs; nothing is broken before or after a test."""
    yield _drilled_house_of_the_run
    with Control(_drilled_house_of_the_run.url_of("drills")) as control:
        control.heal()
