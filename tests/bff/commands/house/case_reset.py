"""After a reset demo players have their first state, and the ledger is sound."""

from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command

from bff.commands.handlers.limits import self_exclude, set_deposit_limit
from bff.commands.ledger import audit
from bff.commands.ledger.command_request import CommandRequest
from bff.commands.ledger.models import Account, DepositLimit, Player, Receipt
from bff.commands.management.commands.reset_demo import reset
from bff.commands.management.commands.seed_demo import open_balance
from bff.contracts.wallet import SelfExclude, SetDepositLimit

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("opening", [4000, 2500, 6000])
def test_excluded_demo_player_with_limits_is_as_at_first(opening):
    """More or less money than now; a second reset finds nothing to do."""
    player = f"pl_reset{opening}"
    open_balance(player, "GBP", 4000)
    limit = SetDepositLimit("day", 1000, "GBP")
    set_deposit_limit(CommandRequest.of(player, "GBP", "set-deposit-limit", f"{player}-l", limit), limit, NOW)
    exclusion = SelfExclude(days=None)
    self_exclude(CommandRequest.of(player, "GBP", "self-exclude", f"{player}-e", exclusion), exclusion, NOW)
    assert reset(player, "GBP", opening)
    assert Player.objects.get(pk=player).excluded_until is None
    assert not DepositLimit.objects.filter(player=player).exists()
    assert Account.objects.get(player=player, kind="real").balance_minor == opening
    assert not audit.findings()
    assert not reset(player, "GBP", opening)


def test_demo_players_are_not_reset_in_production(settings):
    """What a player forbade themselves stands."""
    settings.LOCAL = False
    before = Receipt.objects.count()
    with pytest.raises(CommandError, match="reset only with DEBUG=1"):
        call_command("reset_demo")
    assert Receipt.objects.count() == before


def test_reset_says_of_each_player_what_it_did(capsys):
    call_command("reset_demo")
    call_command("reset_demo")
    assert capsys.readouterr().out.splitlines()[-1] == "pl_cedar: was as at first"
