"""Words on the socket, both ways.

Public: `ClientMessage`, `Malformed`, `read`, `StoreMessage`, `read_store_message`, `heartbeat`, `notice`, `refused`.
From the store a browser hears `bff.contracts.live.LiveMessage`; everything else it hears is built here.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from bff.contracts.text import decode
from bff.contracts.view import Sequence as ViewSequence


class ClientMessage(msgspec.Struct, frozen=True):
    """What a page may say: follow, stop following, bring a fresh ticket."""

    subscribe: list[str] = []
    unsubscribe: list[str] = []
    ticket: str = ""


class StoreMessage(msgspec.Struct, frozen=True):
    """As much of a live message as fan-out needs; the rest is passed on unread."""

    topic: str
    seq: ViewSequence
    as_of: datetime | None
    parts: int = 1


class Malformed(Exception):
    """The message is not one of ours."""


_decoder = msgspec.json.Decoder(StoreMessage)


def read(text: str) -> ClientMessage:
    """The page's message, or `Malformed`."""
    try:
        return decode(text, ClientMessage)
    except msgspec.DecodeError as error:
        raise Malformed(str(error)) from error


def read_store_message(raw: bytes) -> StoreMessage:
    """The store's message, or `Malformed`."""
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise Malformed(str(error)) from error


def heartbeat(now_ms: int) -> str:
    """The socket lives, and this is the server's time in Unix milliseconds."""
    return f'{{"heartbeat":{now_ms}}}'


def notice(word: Literal["delayed", "live", "ticket"]) -> str:
    """`delayed`: what is shown may be old · `live`: it is not any more · `ticket`: bring a fresh one."""
    return f'{{"notice":"{word}"}}'


def refused(code: Literal["topic_forbidden", "topics_max", "topic_unknown"], topics: Sequence[str]) -> str:
    """These topics are not followed."""
    return msgspec.json.encode({"refused": code, "topics": topics}).decode()
