"""Comments by which the script of a framework finds its places again in HTML that a server has written.

Public: `MARKER`, `is_marker`.
"""

import re

# Short, without an angle bracket or two dashes in a row: whatever it stands in, a parser sees no tag in it, and it ends
# where it ends. React, Vue, Svelte, Solid, Lit, Angular, Qwik and Knockout write such. Other markup that a parser turns
# into a comment (`<![CDATA[`) is not a marker.
MARKER = re.compile(r"(?!-|\[CDATA\[)(?:(?!--)[ -;=?-~]){0,256}(?<!-)")


def is_marker(comment: str) -> bool:
    """Whether a comment of these words may stay."""
    return MARKER.fullmatch(comment) is not None
