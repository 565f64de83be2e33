"""Messages of a feed that is made of several parts: each page gets the state of its own player's part.

Public: `PartedText`, `Text`, `text_for`, `differs`.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from bff.contracts.ledger_partition import aggregate_of_player, partition_of
from bff.contracts.live import LiveMessage


class PartedText:
    """`whole` is for who is no player; `parts` is about each part, in their order.

    All have one sequence. So a page whose player comes to another part, because their number is another, takes what is
    said later for later.
    """

    __slots__ = ("_contents", "_count", "_texts")

    def __init__(self, whole: LiveMessage, parts: Sequence[LiveMessage]) -> None:
        messages = [*parts, whole]
        self._count = len(parts)
        self._texts = [msgspec.json.encode(message).decode() for message in messages]
        self._contents = [(message.state, message.data) for message in messages]

    def __repr__(self) -> str:
        return f"<PartedText {[state for state, _ in self._contents]}>"

    def text(self, player: str) -> str:
        """What a page of `player` ("" for a visitor) hears."""
        return self._texts[self._place(player)]

    def content(self, player: str) -> tuple[str, Any]:
        """The same but for sequence and time."""
        return self._contents[self._place(player)]

    def _place(self, player: str) -> int:
        return partition_of(aggregate_of_player(player), self._count) if player else self._count


Text = str | PartedText
"""The latest of a topic: the same for every page, or to each what its player's part says."""


def text_for(text: Text, player: str) -> str:
    """The message for a page of `player`."""
    return text if isinstance(text, str) else text.text(player)


def differs(before: Text, after: PartedText, player: str) -> bool:
    """Whether a page of `player` would get another message. Changes of other parts only move the sequence."""
    return isinstance(before, str) or before.content(player) != after.content(player)
