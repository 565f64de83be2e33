"""Parses `Sec-WebSocket-Protocol` of a handshake: the protocol's name, and beside it the ticket.

Public: `PROTOCOL`, `ticket_in`.
A browser can set no header on a WebSocket but this one, and a URL is written down by every proxy on the way.
"""

from collections.abc import Sequence

PROTOCOL = "mullion.live"
TICKET_PREFIX = "mullion.ticket."


def ticket_in(subprotocols: Sequence[str]) -> str:
    """The one ticket that is offered beside `PROTOCOL`; "" where there is none, or more than one."""
    tickets = [word.removeprefix(TICKET_PREFIX) for word in subprotocols if word.startswith(TICKET_PREFIX)]
    return tickets[0] if len(tickets) == 1 and PROTOCOL in subprotocols else ""
