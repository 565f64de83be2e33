"""The context of a request (player, locale, page) as one typed value.

Public: `Context`, `read_context`.
"""

import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from bff.contracts import headers
from bff.contracts.load_class import read_load_class
from bff.contracts.player_context import PlayerContext, check
from bff.resilience.deadline import Deadline
from fragments.kit.formats import Formats, currency_or, formats_for
from fragments.kit.pathnames import Pathnames, from_header, is_pathname
from fragments.kit.policy import POLICY

if TYPE_CHECKING:
    from django.http import HttpRequest

    from fragments.kit.house import House

CURRENCY_DEFAULT = "EUR"


@dataclass(frozen=True, slots=True)
class Context:
    """`player` is None for an anonymous or shared include; `prefix` is the slot's public pathname, no slash at its end.

    `authorization` and `traceparent` are passed on as they came; `mount_pathname` is the page's own pathname. `grant`
    is a second token, for the third party behind this slot, empty where the shell gives none. `pathnames` are those of
    the pages that the fragment links to, by name. `load_class` is passed on too: an overloaded house sheds some classes
    first. `keys_filled_in`: the shell writes a key into each form that leaves it empty.
    """

    player: PlayerContext | None
    locale: str
    currency: str
    prefix: str
    mount_pathname: str
    deadline: Deadline
    authorization: str = ""
    traceparent: str = ""
    grant: str = ""
    pathnames: Pathnames = field(default_factory=dict)
    load_class: str = ""
    keys_filled_in: bool = False

    def form_key(self) -> str:
        """The idempotency key of one form that is rendered: empty where the shell fills it in, else a new one."""
        return "" if self.keys_filled_in else uuid.uuid4().hex

    def link(self, **parameters: object) -> str:
        """This page again, asking the slot for something else: `/history/?history.page=2`. Empty values are left out.

        The shell hands a slot what the page's query says under the slot's own name, the last part of its prefix.
        """
        slot = self.prefix.rpartition("/")[2]
        query = {
            f"{slot}.{name}" if slot else name: value for name, value in parameters.items() if value not in ("", None)
        }
        return self.mount_pathname + (f"?{urlencode(query)}" if query else "")

    @property
    def sign_in(self) -> str:
        """The page where a player signs in, and from there back to this one."""
        return f"{self.pathnames['sign_in']}?{urlencode({'next': self.mount_pathname}, safe='/')}"

    @property
    def formats(self) -> Formats:
        """How this request's money and times read."""
        return formats_for(self.locale)


def read_context(
    request: "HttpRequest", house: "House", public_key_pem: str, pathnames: Pathnames | None = None
) -> Context:
    """The context of `request`; raises `ContextRefused` where a bearer was sent that is not for this fragment.

    A shared pathname reads no bearer at all: what it renders may be shown to anybody. `pathnames` are the house's own.
    """
    sent = request.headers
    player = None
    personal = house.manifest.mullion.audience_of(request.path_info) == "player"
    authorization = sent.get("authorization", "") if personal else ""
    if authorization:
        player = check(authorization, public_key_pem, now=int(time.time()), audience=house.name)
    currency = currency_or(sent.get(headers.CURRENCY), CURRENCY_DEFAULT)
    return Context(
        player=player,
        locale=player.locale if player else sent.get(headers.LOCALE, "en"),
        currency=currency_or(player.currency, currency) if player else currency,
        prefix=_pathname(sent.get(headers.PUBLIC_PATHNAME, "")).rstrip("/"),
        mount_pathname=_pathname(sent.get(headers.MOUNT_PATHNAME, "")) or "/",
        deadline=Deadline.after_ms(time.monotonic(), _deadline_ms(sent.get(headers.DEADLINE_MS), house)),
        authorization=authorization,
        traceparent=sent.get("traceparent", ""),
        grant=sent.get(headers.GRANT, "") if player else "",
        pathnames=from_header(pathnames or {}, sent.get(headers.PAGE_PATHNAMES, "")),
        load_class=_load_class(sent.get(headers.LOAD_CLASS, "")),
        keys_filled_in=sent.get(headers.FORM_KEYS, "") == "shell",
    )


def _deadline_ms(value: str | None, house: "House") -> int:
    own = house.manifest.mullion.deadline_ms
    if value is None or not (value.isascii() and value.isdigit()) or len(value) > 6:
        return own
    return min(int(value), POLICY.deadline_ms_max)


def _load_class(value: str) -> str:
    return read_load_class(value.encode()) or ""


def _pathname(value: str) -> str:
    """`value` if it is a pathname on this origin, else empty: it ends up in links and forms."""
    return value if is_pathname(value) else ""
