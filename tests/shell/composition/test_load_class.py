"""Fragments get the caller's load class; slots keep their content while the shell is overloaded."""

from msgspec import structs

from bff.contracts.load_class import LoadClass
from shell.composition.page import Slot
from shell.composition.requests import probe_request
from tests.support.shell_page import Trio, element


async def test_fragments_hear_the_class_of_a_visit() -> None:
    """And of a probe that it is one, so that it is not turned away where the house has too much to do."""
    async with Trio() as trio:
        await trio.page(structs.replace(trio.visit(), load_class=LoadClass.READ))
        assert trio.origins["wallet"].seen[-1].headers["mullion-load-class"] == "read"
        assert dict(probe_request(trio.include(Slot("wallet", "wallet"))).headers)["mullion-load-class"] == "probe"


async def test_slots_stand_as_they_were_before_a_page_is_turned_away() -> None:
    """Nobody is asked; the copy says when it was made, and the slot comes back by itself."""
    async with Trio(extension={"stale_s_max": 60}) as trio:
        trio.origins["wallet"].headers = (("Cache-Control", "max-age=0"),)
        await trio.page()
        requests_before = trio.origins["wallet"].requests
        crowded = {LoadClass.PAGE}
        trio.includer._spares = crowded.__contains__
        page = await trio.page()
        assert b'data-state="stale" data-reason="shed"' in element(page, "wallet")
        assert trio.origins["wallet"].requests == requests_before
        player = await trio.page(structs.replace(trio.visit("amber"), load_class=LoadClass.READ))
        assert b'data-state="fresh"' in element(player, "wallet")
        crowded.clear()
        assert b'data-state="fresh"' in element(await trio.page(), "wallet")


async def test_a_slot_that_was_never_well_is_asked_for_however_much_there_is_to_do() -> None:
    """There is nothing that could stand in."""
    async with Trio() as trio:
        trio.includer._spares = lambda load_class: True
        assert (await trio.page()).count(b'data-state="fresh"') == 3
