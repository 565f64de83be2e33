"""The grammar of what a page carries of its player's own write: the receipt's id, and the sequence to read at least.

Public: `RECEIPT_QUERY`, `MIN_SEQUENCE_QUERY`, `is_receipt_id`, `is_sequence`, `parse_sequence`.
"""

import re

from bff.contracts.view import Sequence

# Names in a query, towards a fragment and the read side.
RECEIPT_QUERY = "receipt"
MIN_SEQUENCE_QUERY = "min_sequence"
_RECEIPT_ID = re.compile(r"[A-Za-z0-9_-]{1,160}")
_SEQUENCE = re.compile(r"([A-Za-z0-9_-]{1,64}):([0-9]{1,18})")


def is_receipt_id(text: str) -> bool:
    """Whether `text` may stand in `?receipt=`: a receipt's own id, or what a fragment makes of the key of an action
    whose outcome is not known."""
    return _RECEIPT_ID.fullmatch(text) is not None


def is_sequence(text: str) -> bool:
    """Whether `text` is `<epoch>:<n>`, as in `min_sequence=`."""
    return _SEQUENCE.fullmatch(text) is not None


def parse_sequence(text: str) -> Sequence | None:
    """The sequence that `text` names, None where it names none."""
    found = _SEQUENCE.fullmatch(text)
    return (found[1], int(found[2])) if found else None
