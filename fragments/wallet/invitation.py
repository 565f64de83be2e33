"""What somebody who is not signed in sees.

Public: `Invitation`, `invitation`.
"""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings

from fragments.kit.context import Context


@dataclass(frozen=True, slots=True)
class Invitation:
    """`href` leads to the sign-in page and back to where the player was; `wide` is the cashier's measure."""

    href: str
    wide: bool


def invitation(context: Context, *, wide: bool) -> Invitation:
    """The invitation for this page."""
    query = urlencode({"next": context.mount_pathname}, safe="/")
    return Invitation(f"{settings.SIGN_IN_PATHNAME}?{query}", wide)
