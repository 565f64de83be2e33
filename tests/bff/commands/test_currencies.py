"""Amounts that one command may move are bounded in each currency."""

import pytest

from bff.commands.ledger.command_request import CommandRejected
from bff.commands.ledger.currencies import LIMITS, check_amount, limits_of

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("amount_minor", "currency", "code"),
    [
        (1, "XXX", "currency_unknown"),
        (0, "EUR", "amount_too_small"),
        (-1, "EUR", "amount_too_small"),
        (1_000_000_001, "EUR", "amount_too_large"),
        (1_500_000_001, "JPY", "amount_too_large"),
    ],
)
def test_an_amount_that_nobody_can_pay_in_is_refused_by_name(amount_minor, currency, code):
    """Beyond the currency's largest, none at all, or in a currency that no account is kept in."""
    with pytest.raises(CommandRejected) as caught:
        check_amount(amount_minor, currency)
    assert caught.value.code == code


@pytest.mark.parametrize("currency", sorted(LIMITS))
def test_the_smallest_and_the_largest_amount_of_a_currency_are_taken(currency):
    """And one of its minor units more is not."""
    largest = limits_of(currency).amount_minor_max
    check_amount(1, currency)
    check_amount(largest, currency)
    with pytest.raises(CommandRejected):
        check_amount(largest + 1, currency)
