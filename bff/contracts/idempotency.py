"""The grammar of an `Idempotency-Key`, for every house that reads one.

Public: `FORM_KEY_FIELD`, `COMMAND_KEY_CHARS_MAX`, `is_command_key`, `is_form_key`.

The engine takes what any program may send (draft-ietf-httpapi-idempotency-key-header leaves the value to the server). A
form carries one that fits a field, a cookie and a log line as it is: whatever is a form's key is a command's key too.
"""

import re

# The hidden field of a form; a script sends the same as the header `headers.IDEMPOTENCY_KEY`.
FORM_KEY_FIELD = "idempotency_key"
COMMAND_KEY_CHARS_MAX = 200
_COMMAND = re.compile(rf"[\x21-\x7e]{{1,{COMMAND_KEY_CHARS_MAX}}}")
_FORM = re.compile(r"[A-Za-z0-9_-]{8,128}")


def is_command_key(key: str) -> bool:
    """Whether a command may come under `key`: printable ASCII without spaces."""
    return _COMMAND.fullmatch(key) is not None


def is_form_key(key: str) -> bool:
    """Whether a form, or a bet, may come under `key`: 8 to 128 letters, digits, `_` and `-`."""
    return _FORM.fullmatch(key) is not None
