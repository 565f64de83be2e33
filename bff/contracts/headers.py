"""Names of the headers on the wire, and which of them a browser may never set.

Public: the names below and `is_reserved`.
"""

# To a fragment.
USER_AGENT = "@podium/client mullion/1"  # podlets built on @podium/podlet look for the prefix
DEADLINE_MS = "mullion-deadline-ms"
IDEMPOTENCY_KEY = "idempotency-key"
PODIUM_PREFIX = "podium-"
REQUESTED_BY = "podium-requested-by"
LOCALE = "podium-locale"
DEVICE_TYPE = "podium-device-type"
MOUNT_ORIGIN = "podium-mount-origin"
MOUNT_PATHNAME = "podium-mount-pathname"
PUBLIC_PATHNAME = "podium-public-pathname"
DEBUG = "podium-debug"
LOAD_CLASS = "mullion-load-class"  # what is left undone first where there is too much to do, see `load_class`
FORM_KEYS = "mullion-form-keys"  # `shell`: an empty key of a form is filled in by the shell, anew on each page
GRANT = "mullion-grant"  # a second player context, for the third party that the pages table names for the slot
PAGE_PATHNAMES = "podium-page-pathnames"  # where a layout has the pages that a fragment links to; the shell says none
CURRENCY = "podium-currency"  # a Podium context of our own: it decides a shared body, so it cannot ride in the bearer

# From a fragment.
PAGE = "mullion-page"  # what the primary slot says of the page: a JSON object, see `page_head`
VERSION = "podlet-version"
# `degraded; reason=<word>; as-of=<RFC 3339>; upstream=<name>; retry-after-ms=<n>`: why the fragment is not well, from
# when its figures are, who failed behind it, and when asking again may help. All but the reason may be missing.
STATE = "fragment-state"
CHANGED = "mullion-changed"  # `<topic>[, <topic>]; sequence=<epoch>:<n>`
RECEIPT = "mullion-receipt"  # the id of what a command left behind, shown by `?receipt=`

_RESERVED = frozenset({"authorization", "traceparent", "tracestate", "baggage", IDEMPOTENCY_KEY})
_RESERVED_PREFIXES = (PODIUM_PREFIX, "mullion-", "podlet-", "fragment-")


def is_reserved(name: str) -> bool:
    """Whether `name`, as a browser sent it, must be dropped before a fragment sees it (`_` counts as `-`)."""
    folded = name.lower().replace("_", "-")
    return folded in _RESERVED or folded.startswith(_RESERVED_PREFIXES)
