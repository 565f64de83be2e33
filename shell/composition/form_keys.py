"""The idempotency keys of forms whose fragment leaves them empty: filled in on each page, after containment.

Public: `with_form_keys`, `FILLED_HERE`.

A body with a key of its own for each rendering is another body each time: nothing that was made of it can be used
again. With the keys left to the shell it stays the same as long as it says the same, and a form that is sent twice
without a script is still one command.
"""

from uuid import uuid4

from bff.contracts import headers
from bff.contracts.idempotency import FORM_KEY_FIELD

# What a fragment is told, so that it leaves the keys of its forms empty only where somebody fills them in.
FILLED_HERE = (headers.FORM_KEYS, "shell")
# As containment writes it; text never holds a bare `<`, so nothing but this element reads like it.
_FIELD = b'<input type="hidden" name="%b" value="' % FORM_KEY_FIELD.encode()
_EMPTY = _FIELD + b'">'


def with_form_keys(html: bytes) -> bytes:
    """Contained `html` with a key of its own for each form that has an empty one, and with different ones next time."""
    if _EMPTY not in html:
        return html
    first, *rest = html.split(_EMPTY)
    stem, filled = uuid4().hex.encode(), [first]
    for number, part in enumerate(rest):
        filled += (_FIELD + b'%b-%d">' % (stem, number), part)
    return b"".join(filled)
