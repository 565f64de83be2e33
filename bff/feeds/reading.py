"""Values of a third party, read tolerantly: many spellings in, one type out, or a refusal by field.

Public: `BadMessage`, `ProviderRefused`, `text_of`, `flag_of`, `whole_of`, `seconds_of`, `decimal_of`, `minor_of`,
`moment_of`, `when_of`.
"""

import re
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from bff.contracts.money import CurrencyUnknown, minor_digits

AMOUNT_MINOR_MAX = 10**12
# Unix seconds from 2001 to 2286; thousand times as much are milliseconds.
_SECONDS_MIN, _SECONDS_MAX = 10**9, 10**10
_TRUE, _FALSE = {"true", "1", "yes", "open"}, {"false", "0", "no", "closed"}
_AMERICAN = "%b %d, %Y %I:%M:%S %p"
_UTC = (" UTC", " GMT")
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,6})?")


class BadMessage(Exception):
    """The message can not be used; the text names the field and what is wrong with it."""


class ProviderRefused(Exception):
    """The provider answered with an error of its own, whatever status it came under."""


def text_of(value: Any, field: str, *, chars_max: int) -> str:
    """Printable text of 1 to `chars_max` characters; numbers are taken as written."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise BadMessage(f"{field} is not text")
    text = str(value).strip()
    if not text.isprintable():
        text = "".join(each for each in text if unicodedata.category(each)[0] != "C")
    if not 0 < len(text) <= chars_max:
        raise BadMessage(f"{field} has {len(text)} characters; 1 to {chars_max} are read")
    return text


def flag_of(value: Any, field: str) -> bool:
    """True and false in words, digits and JSON."""
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise BadMessage(f"{field} is neither true nor false")


def whole_of(value: Any, field: str, *, most: int) -> int:
    """A whole number from 0 to `most`; `3`, `"3"`, `3.0` and `"3.00"` are three."""
    number = _decimal(value, field)
    if number != number.to_integral_value() or not 0 <= number <= most:
        raise BadMessage(f"{field} is not a whole number from 0 to {most}")
    return int(number)


def seconds_of(value: Any, field: str, *, most: float) -> float:
    """Seconds from 0 to `most`, in fractions too."""
    seconds = _decimal(value, field)
    if not 0 <= seconds <= Decimal(most):
        raise BadMessage(f"{field} is not a number from 0 to {most}")
    return float(seconds)


def decimal_of(value: Any, field: str) -> float:
    """A number with a decimal point, of at most fifteen digits before it and six behind."""
    return float(_decimal(value, field))


def minor_of(value: Any, currency: str, field: str) -> int:
    """An amount in major units, as minor units of `currency`; positive, and no finer than the currency."""
    try:
        minor = _decimal(value, field).scaleb(minor_digits(currency))
    except CurrencyUnknown as error:
        raise BadMessage(f"{field}: {error}") from error
    if minor != minor.to_integral_value() or not 0 < minor <= AMOUNT_MINOR_MAX:
        raise BadMessage(f"{field} is not an amount of {currency}")
    return int(minor)


def moment_of(value: Any) -> datetime | None:
    """A moment in UTC from Unix seconds or milliseconds, RFC 3339, or the American way of writing one; else None.

    A clock's reading without its zone is no moment: whose evening it was can only be guessed.
    """
    try:
        return _moment(value)
    except (ValueError, OverflowError, OSError):
        return None


def when_of(value: Any, field: str) -> datetime | None:
    """A moment that may be missing, but not wrong."""
    if value in (None, ""):
        return None
    moment = moment_of(value)
    if moment is None:
        raise BadMessage(f"{field} is no moment with a zone")
    return moment


def _moment(value: Any) -> datetime | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float) or (isinstance(value, str) and value.isdigit()):
        seconds = float(value)
        if seconds >= _SECONDS_MAX:
            seconds /= 1000
        return datetime.fromtimestamp(seconds, UTC) if _SECONDS_MIN <= seconds < _SECONDS_MAX else None
    if not isinstance(value, str):
        return None
    if value.endswith(_UTC):
        return datetime.strptime(value[:-4], _AMERICAN).replace(tzinfo=UTC)
    moment = datetime.fromisoformat(value)
    return moment.astimezone(UTC) if moment.tzinfo else None


def _decimal(value: Any, field: str) -> Decimal:
    written = str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    if not _NUMBER.fullmatch(written):
        raise BadMessage(f"{field} is not a number")
    try:
        return Decimal(written)
    except InvalidOperation as error:
        raise BadMessage(f"{field} is not a number") from error
