"""The wallet for a visitor who is not signed in: an invitation to sign in.

Public: `Invitation`, `invitation`.
"""

from dataclasses import dataclass

from fragments.kit.context import Context


@dataclass(frozen=True, slots=True)
class Invitation:
    """`href` leads to the sign-in page and back to where the player was; `wide` is the cashier's measure."""

    href: str
    wide: bool


def invitation(context: Context, *, wide: bool) -> Invitation:
    """The invitation for this page."""
    return Invitation(context.sign_in, wide)
