"""Formats money and times for a locale. Amounts stay integers until they are words.

Times are UTC and say so: a fragment does not know where its player is, and a page's script may localise `<time>`.

Public: `Formats`, `MoneyText`, `formats_for`, `currency_or`.
"""

from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime
from babel.numbers import NumberPattern, format_decimal, get_decimal_symbol

from bff.contracts.money import CURRENCIES

_FALLBACK = Locale("en", "GB")


@dataclass(frozen=True, slots=True)
class MoneyText:
    """An amount as text, also cut before its decimals so that a page can set them smaller; `text == whole + rest`."""

    text: str
    whole: str
    rest: str


@dataclass(frozen=True, slots=True)
class Formats:
    """The words of one locale."""

    locale: Locale

    def money(self, amount_minor: int, currency: str, *, signed: bool = False) -> str:
        """`€1,250.00`; with `signed` money in reads `+€1,250.00`."""
        text = self._money(amount_minor, currency, _digits(currency))
        return f"+{text}" if signed and amount_minor > 0 else text

    def money_short(self, amount_minor: int, currency: str) -> str:
        """As `money`, without decimals where they are all zero: `€5,000`."""
        digits = _digits(currency)
        return self._money(amount_minor, currency, 0 if amount_minor % 10**digits == 0 else digits)

    def money_text(self, amount_minor: int, currency: str) -> MoneyText:
        """As `money`, in two parts where the locale writes decimals."""
        text = self.money(amount_minor, currency)
        digits = _digits(currency)
        cut = text.rfind(get_decimal_symbol(self.locale)) if digits else -1
        return MoneyText(text, text, "") if cut < 0 else MoneyText(text, text[:cut], text[cut:])

    def plain(self, amount_minor: int, currency: str) -> str:
        """The amount as a player would type it: `12.50`, without symbol or grouping."""
        return str(Decimal(amount_minor).scaleb(-_digits(currency)))

    def number(self, value: int) -> str:
        """An integer with the locale's grouping."""
        return format_decimal(value, locale=self.locale)

    def clock(self, moment: datetime) -> str:
        """`20:14:03 UTC`: when figures were true."""
        return f"{self._time(moment, 'HH:mm:ss')} UTC"

    def short_time(self, moment: datetime) -> str:
        """`21:30 UTC`."""
        return f"{self._time(moment, 'HH:mm')} UTC"

    def day_time(self, moment: datetime) -> str:
        """`23 Nov, 20:14 UTC`."""
        return f"{self._time(moment, 'd MMM, HH:mm')} UTC"

    def day_time_year(self, moment: datetime) -> str:
        """`23 Nov 2026, 20:14 UTC`."""
        return f"{self._time(moment, 'd MMM y, HH:mm')} UTC"

    def month(self, month: str) -> str:
        """`November 2026` for `2026-11`."""
        return self._time(_first_of(month), "LLLL y")

    def months(self, first: str, last: str) -> str:
        """`Sep – Nov 2026` for `2026-09` and `2026-11`; both with their year where it differs."""
        if first == last:
            return self._time(_first_of(last), "LLL y")
        pattern = "LLL" if first[:4] == last[:4] else "LLL y"
        return f"{self._time(_first_of(first), pattern)} – {self._time(_first_of(last), 'LLL y')}"

    def _time(self, moment: datetime, pattern: str) -> str:
        return format_datetime(moment.astimezone(UTC), pattern, tzinfo=UTC, locale=self.locale)

    def _money(self, amount_minor: int, currency: str, digits: int) -> str:
        value = Decimal(amount_minor).scaleb(-_digits(currency))
        pattern = _pattern(self.locale, digits)
        return str(pattern.apply(value, self.locale, currency=currency, currency_digits=False))


def _first_of(month: str) -> datetime:
    return datetime(int(month[:4]), int(month[5:]), 1, tzinfo=UTC)


@lru_cache(maxsize=64)
def _pattern(locale: Locale, digits: int) -> NumberPattern:
    # CLDR's digits differ from ISO 4217's for a few currencies, and a rounded amount would be a wrong one.
    pattern: NumberPattern = copy(locale.currency_formats["standard"])
    pattern.frac_prec = (digits, digits)
    return pattern


@lru_cache(maxsize=64)
def formats_for(tag: str) -> Formats:
    """The formats of a language tag (`en-GB`, `de`); British English where the tag is unknown or broken."""
    try:
        return Formats(Locale.parse(tag[:32].replace("_", "-"), sep="-"))
    except (UnknownLocaleError, ValueError, TypeError):
        return Formats(_FALLBACK)


def _digits(currency: str) -> int:
    """ISO 4217's; what is shown of a code that is none has the usual two, as nothing is moved by being shown."""
    return CURRENCIES.get(currency, 2)


def currency_or(value: str | None, otherwise: str) -> str:
    """`value` if it is a currency of ISO 4217, else `otherwise`."""
    return value if value in CURRENCIES else otherwise
