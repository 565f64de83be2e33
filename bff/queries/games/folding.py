"""Names and searches brought into one form: no case, no diacritics, words between single spaces.

Public: `fold`.
"""

import re
import unicodedata

# Letters that no decomposition makes plain.
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
_BETWEEN = re.compile(r"[^\w]+|_+")


def fold(text: str) -> str:
    """`Größe: 2` and `GROSSE 2` are both `grosse 2`; empty where there is no letter and no digit."""
    plain = unicodedata.normalize("NFKD", text.casefold()).translate(_LETTERS)
    plain = "".join(each for each in plain if not unicodedata.combining(each))
    # An apostrophe is inside a word: who looks for "pirates" means "Pirate's" as well.
    return _BETWEEN.sub(" ", plain.replace("'", "").replace("’", "")).strip()
