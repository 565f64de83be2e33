"""How money and times read, and how a typed amount is read."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fragments.kit.formats import formats_for
from fragments.wallet.amount import AmountRefused, read_amount
from fragments.wallet.policy import AmountLimits, limits_for

pytestmark = pytest.mark.quick

ENGLISH = formats_for("en-GB")
WIDE = AmountLimits(1, 10**15)


@pytest.mark.parametrize(
    ("locale", "amount_minor", "currency", "text"),
    [
        ("en-GB", 125_00, "EUR", "€125.00"),
        ("en-GB", -1_00, "EUR", "-€1.00"),
        ("en-GB", 15_000, "JPY", "JP¥15,000"),
        ("de-DE", 1_234_56, "EUR", "1.234,56\xa0€"),
        ("ja", 15_000, "JPY", "￥15,000"),
        ("en", 1_500, "BHD", "BHD1.500"),
        ("en", 99, "XTS", "XTS0.99"),
    ],
)
def test_money_keeps_every_minor_unit(locale: str, amount_minor: int, currency: str, text: str) -> None:
    """An amount shows as many decimals as ISO 4217 gives its currency, in the locale's own writing."""
    assert formats_for(locale).money(amount_minor, currency).replace("BHD\xa0", "BHD").replace("XTS\xa0", "XTS") == text


def test_short_money_drops_only_empty_decimals() -> None:
    """A round amount loses its zeros; any other keeps all its decimals."""
    assert ENGLISH.money_short(5_000_00, "EUR") == "€5,000"
    assert ENGLISH.money_short(50, "EUR") == "€0.50"


@given(
    st.integers(-(10**12), 10**12), st.sampled_from(["EUR", "JPY", "BHD"]), st.sampled_from(["en", "de", "fr", "ar"])
)
def test_money_text_is_cut_without_loss(amount_minor: int, currency: str, locale: str) -> None:
    """Both halves of a cut amount are the whole amount."""
    text = formats_for(locale).money_text(amount_minor, currency)
    assert text.whole + text.rest == text.text == formats_for(locale).money(amount_minor, currency)


@pytest.mark.parametrize("tag", ["", "xx-YY", "../../etc/passwd", "a" * 5_000, "en-GB-oed", "de\x00", "日本"])
def test_unknown_locale_reads_as_english(tag: str) -> None:
    """A broken language tag costs nobody their page."""
    assert formats_for(tag).money(1_00, "EUR") == "€1.00"


def test_times_are_utc_and_say_so() -> None:
    """A moment in any zone is written in UTC, by name."""
    moment = datetime(2026, 3, 14, 22, 14, 3, tzinfo=timezone(timedelta(hours=2)))
    assert ENGLISH.clock(moment) == "20:14:03 UTC"
    assert ENGLISH.day_time(moment.astimezone(UTC)) == "14 Mar, 20:14 UTC"


@pytest.mark.parametrize(
    ("text", "currency", "amount_minor"),
    [("20", "EUR", 2000), (" 20.5 ", "EUR", 2050), ("20,05", "EUR", 2005), ("007", "EUR", 700), ("1500", "JPY", 1500)],
)
def test_plain_amounts_are_read(text: str, currency: str, amount_minor: int) -> None:
    """Digits with at most one comma or point are an amount in the currency's minor unit."""
    assert read_amount(text, currency, WIDE, ENGLISH) == amount_minor


@pytest.mark.parametrize(
    ("text", "currency", "words"),
    [
        ("", "EUR", "Enter an amount"),
        ("   ", "EUR", "Enter an amount"),
        ("1,000", "EUR", "without separators between thousands"),
        ("20.5", "JPY", "no decimals"),
        ("-20", "EUR", "digits only"),
        ("+20", "EUR", "digits only"),
        ("1e3", "EUR", "digits only"),
        ("20 EUR", "EUR", "digits only"),
        ("٢٠", "EUR", "digits only"),
        ("NaN", "EUR", "digits only"),
        ("20\x00", "EUR", "digits only"),
        ("<b>20</b>", "EUR", "digits only"),
        ("9" * 17, "EUR", "digits only"),
        ("0", "EUR", "The least you can deposit is €5.00"),
        ("4.99", "EUR", "The least you can deposit is €5.00"),
        ("5000.01", "EUR", "The most you can deposit at once is €5,000.00"),
    ],
)
def test_other_amounts_are_refused_in_words(text: str, currency: str, words: str) -> None:
    """What could mean two amounts, or none, is refused with a sentence that helps."""
    with pytest.raises(AmountRefused, match=words):
        read_amount(text, currency, limits_for(currency), ENGLISH)


@given(st.text(max_size=30), st.sampled_from(["EUR", "GBP", "JPY", "BHD"]))
def test_no_text_gets_past_the_limits(text: str, currency: str) -> None:
    """Whatever is typed ends as an amount within the limits or as a refusal, never as anything else."""
    limits = limits_for(currency)
    try:
        amount_minor = read_amount(text, currency, limits, ENGLISH)
    except AmountRefused:
        return
    assert limits.amount_minor_min <= amount_minor <= limits.amount_minor_max


@given(st.integers(500, 500_000), st.sampled_from(["EUR", "JPY"]))
def test_what_is_shown_as_typed_is_read_back(amount_minor: int, currency: str) -> None:
    """The plain form of an amount reads as that amount."""
    typed = ENGLISH.plain(amount_minor, currency)
    assert read_amount(typed, currency, limits_for(currency), ENGLISH) == amount_minor
