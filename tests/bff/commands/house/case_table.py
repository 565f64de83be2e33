"""A money command is one row of the table: its address, its view and its close-key entry follow from it."""

import asyncio

import msgspec
import pytest
from django.test import RequestFactory
from django.urls import resolve

from bff.commands.handlers.table import MONEY_COMMANDS, MoneyCommand
from bff.commands.http import urls


class Wave(msgspec.Struct, frozen=True):
    """The body of an invented command."""

    times: int


async def wave(services, request, body):
    """Never called, since no bearer has the scope."""
    raise AssertionError


@pytest.mark.parametrize("command", MONEY_COMMANDS, ids=lambda command: command.name)
def test_each_row_has_its_address(command):
    """Nothing but the row says that there is one."""
    assert resolve(f"/commands/{command.name}").route == f"commands/{command.name}"
    assert command.body.__struct_config__.forbid_unknown_fields, "what is misspelt is refused and not left out"


def test_a_new_row_is_an_address_that_asks_for_a_bearer_and_counts_for_close_key():
    """One more row, and no other change."""
    table = (*MONEY_COMMANDS, MoneyCommand("wave", "wallet.wave", Wave, wave))
    [path] = [path for path in urls.command_paths(table) if path.name == "wave"]
    assert "wallet.wave" in urls.close_key_scopes(table)
    answer = asyncio.run(path.callback(RequestFactory().get("/commands/wave")))
    assert (answer.status_code, answer["Content-Type"]) == (405, "application/problem+json")


def test_close_key_takes_the_scope_of_every_row():
    """Whoever may send a command may ask what became of it."""
    assert urls.close_key_scopes(MONEY_COMMANDS) == {command.scope for command in MONEY_COMMANDS}
