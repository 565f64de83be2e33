"""Why something is not fresh: one closed list, the same word in log, header, metric, DOM and test.

Public: `Reason`. What follows from each is in `reason_properties`.
"""

from enum import StrEnum, unique

from bff.contracts import codes


@unique
class Reason(StrEnum):
    """One word a cause. What the upstream did comes first, what we decided next, what feeds and stores did last."""

    CONNECT = "connect"  # refused, unreachable, or reset before the request could be sent
    CONNECT_TIMEOUT = "connect_timeout"
    DNS = "dns"
    TLS = "tls"
    TIMEOUT = "timeout"
    CUT = "cut"  # the connection ended before the answer was whole
    FRAMING = "framing"  # where the answer begins or ends can not be told beyond doubt
    OVERSIZE = "oversize"
    HEADERS_OVERSIZE = "headers_oversize"
    REDIRECT = "redirect"
    UPSTREAM_ERROR = "upstream_error"  # 5xx
    THROTTLED = "throttled"  # 429
    NOT_FOUND = "not_found"
    UNAUTHORISED = "unauthorised"
    REJECTED = "rejected"  # any other 4xx
    CONTENT_TYPE = "content_type"
    ENCODING = "encoding"
    UNSAFE_HTML = "unsafe_html"
    EMPTY = "empty"  # whole, but nothing in it that could stand in a page
    NOT_A_FRAGMENT = "not_a_fragment"  # 200 without the version that it always says: something in between answered

    BREAKER_OPEN = "breaker_open"
    BULKHEAD_FULL = "bulkhead_full"
    SHED = "shed"  # too much to do, there or here: nothing was done, so that pages and money go on
    HELD = "held"  # an operator holds it out of every page
    COLD = "cold"  # a function did not answer as fast as it does when it is warm; it is still under way

    FEED_STALE = "feed_stale"
    FEED_DOWN = "feed_down"
    ENGINE_DOWN = codes.ENGINE_DOWN
    STORE_DOWN = codes.STORE_DOWN

    NOT_PUBLISHED = "not_published"
    MANIFEST = "manifest"
    LEFT = "left"  # the one who asked has gone
    PENDING = "pending"  # what it stands in was ready first
    INTERNAL = "internal"  # a mistake on this side

    __hash__ = str.__hash__  # an enum's own is a call of Python, and a member is its string
