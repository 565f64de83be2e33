"""Script errors of a release on trial: a beacon from browsers with the page view's token, counted once per visitor.

Public: `report`.

What is counted against a release is
what came from a page that this release drew for this visitor, whatever the beacon says.
"""

import re
import time

import msgspec
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from bff.contracts import text
from shell.page_views import visitor_of_page_view
from shell.players.throttle import AttemptCounter, network_of
from shell.wiring import parts

BODY_BYTES_MAX = 2048
_FILE = re.compile(r"/assets/([A-Za-z0-9_-]{1,100})/([0-9a-f]{32})/")
TRIES_MAX = 30
# Networks of this size are rented as a whole, so all addresses of one count as one visitor.
RENTED_IPV4_BITS = 24
RENTED_IPV6_BITS = 48


@csrf_exempt  # the token is what a form's would be, and only pages of this site may post at all
@require_POST
async def report(request: HttpRequest) -> HttpResponse:
    """204, whatever it was: a browser has no use for more."""
    nothing = HttpResponse(status=204)
    try:
        body = text.decode(request.body, dict[str, str]) if len(request.body) <= BODY_BYTES_MAX else {}
        token, file = body["view"], _FILE.match(body["file"])
    except (msgspec.DecodeError, KeyError):
        return nothing
    visitor = visitor_of_page_view(token, time.time())
    address = request.META.get("REMOTE_ADDR", "")
    network = network_of(address, ipv4_bits=RENTED_IPV4_BITS, ipv6_bits=RENTED_IPV6_BITS)
    if not visitor or file is None:
        return nothing
    if await parts().registry_throttle.take([AttemptCounter("script-error", network, TRIES_MAX)]):
        return nothing
    snapshot = parts().registry.current
    release = snapshot.release_for(file[1], visitor)
    if file[1] in snapshot.canaries and release is not None and release.folder == file[2]:
        parts().tally.note_script_error(release.digest, visitor, network)
    return nothing
