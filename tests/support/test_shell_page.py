"""The page over three origins that other tests break."""

import pytest

from tests.support.shell_page import Trio


@pytest.mark.parametrize("player", ["", "pl_one"])
async def test_first_page_has_all_of_its_deadline_for_its_slots(player: str) -> None:
    """Its template is compiled before, as in a shell that has started: on a busy machine that takes a page's time."""
    async with Trio() as trio:
        compiler = trio.composer.compiler
        compiled = set(compiler._compiled)
        await trio.page(trio.visit(player))
        assert set(compiler._compiled) == compiled
