"""A link to a preview is opened, and left.

Public: `open_link`, `leave`.
"""

import time
from datetime import UTC, datetime
from functools import partial
from urllib.parse import quote

from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from bff.resilience import log
from shell.composition.page import PageTable
from shell.cookies import delete_cookie
from shell.pages.notice import notice, unavailable
from shell.players.authentication import find_actor
from shell.players.models import Player
from shell.players.session import SessionUnverified
from shell.players.threads import Threads, ThreadsBusy
from shell.players.throttle import AttemptCounter
from shell.preview_cookie import preview_cookie
from shell.registry.previews import OpenedPreview, PreviewRefused, open_preview
from shell.wiring import parts

OPEN_MS = 3000

logger = log.get("pages")
_threads = Threads("preview", 2, 8)


@never_cache
@require_GET
async def open_link(request: HttpRequest, link: str) -> HttpResponse:
    """Bind this browser to the link's preview, and go to a page that has the fragment. Who is not signed in signs in
    first; who may not is told why, and stands in the audit."""
    try:
        identity = await find_actor(request.COOKIES)
        if identity is None:
            return HttpResponseRedirect(f"/sign-in/?next={quote(request.path)}")
        # As a token of a team, so that nobody fills the audit by guessing.
        throttle = parts().registry_throttle
        if wait_s := await throttle.take(
            [AttemptCounter("preview", identity.player, throttle.policy.account_tries_max)]
        ):
            return notice(request, 429, f"Too many links were tried. Try again in {wait_s} s.")
        opened = await _threads.run(partial(_open, link, identity.player, identity.session), deadline_ms=OPEN_MS)
    except PreviewRefused as refused:
        return notice(request, 403, f"{refused} You see what everybody sees.")
    except (SessionUnverified, ThreadsBusy, Error) as error:
        logger.warning("preview_not_opened", detail=str(error))
        return unavailable(request, "The preview can not be opened for the moment. Try the link again.")
    # The link may be opened before this process has looked again.
    await parts().registry.catch_up()
    response = HttpResponseRedirect(_page_of(parts().pages, opened.fragment))
    ends = int(opened.expires_at.timestamp())
    response.cookies.load(preview_cookie(opened.id, identity.session, ends, now=time.time()))
    return response


# The middleware has required the same origin, as for signing out.
@csrf_exempt
@never_cache
@require_POST
async def leave(request: HttpRequest) -> HttpResponse:
    """This browser sees what everybody sees."""
    response = HttpResponseRedirect("/")
    response.status_code = 303
    response.cookies.load(delete_cookie(settings.PREVIEW_COOKIE_NAME))
    return response


def _open(link: str, player: str, session: str) -> OpenedPreview:
    account = Player.objects.values_list("username", flat=True).get(player_id=player)
    return open_preview(link, account=account, session=session, now=datetime.now(UTC))


def _page_of(pages: PageTable, fragment: str) -> str:
    """A page that shows `fragment`, one without parameters before others; the first where none does."""
    having = [page for page in pages.pages if any(slot.fragment == fragment for slot in page.slots)]
    fitting = [page for page in having if not page.params or page.samples]
    page = min(fitting, key=lambda page: len(page.params), default=None)
    return page.path(page.samples) if page else "/"
