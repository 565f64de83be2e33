"""Which browser is shown a preview: a cookie that is bound to its sign-in, read once for each request.

Public: `previewed`, `preview_cookie`.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from django.conf import settings
from django.core import signing
from django.http import parse_cookie

from bff.resilience import log
from bff.resilience.border import Application, Receive, Scope, Send
from shell.composition.preview import Preview, showing
from shell.cookies import set_cookie
from shell.players.authentication import authenticate_cookies
from shell.wiring import Parts

COOKIE_CHARS_MAX = 300
_SALT = "shell.preview.cookie.1"

logger = log.get("pages")


def preview_cookie(preview: str, session: str, ends: int, *, now: float) -> str:
    """The Set-Cookie value that binds the browser of `session` to a preview until `ends` (Unix seconds)."""
    value = signing.Signer(salt=_SALT).sign(f"{preview}.{ends}.{session}")
    return set_cookie(settings.PREVIEW_COOKIE_NAME, value, age_s=max(0, int(ends - now)))


def previewed(application: Application, parts: Parts) -> Application:
    """`application`, each request with the preview that its browser is bound to, and most without any."""
    name = settings.PREVIEW_COOKIE_NAME.encode()

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        preview = None
        for key, value in scope.get("headers", ()):
            if key == b"cookie" and name in value:
                preview = await _bound(parse_cookie(value.decode("latin-1")), parts)
        if preview is None:
            await application(scope, receive, send)
            return
        with showing(preview):
            await application(scope, receive, send)

    return serve


async def _bound(cookies: Mapping[str, str], parts: Parts) -> Preview | None:
    """The preview, where the cookie is genuine, in time, and of the very sign-in that it came with."""
    value = cookies.get(settings.PREVIEW_COOKIE_NAME, "")
    if not value or len(value) > COOKIE_CHARS_MAX:
        return None
    try:
        preview, ends, session = signing.Signer(salt=_SALT).unsign(value).split(".", 2)
    except signing.BadSignature:
        return None
    # The signature has been checked: what is inside is what `preview_cookie` wrote.
    release = parts.registry.current.previews.get(preview)
    if release is None or int(ends) <= time.time():
        return None
    identity = (await authenticate_cookies(cookies, parts.revocations)).identity
    if identity is None or identity.session != session:
        logger.warning("preview_of_another_sign_in", preview=preview[:8])
        return None
    return Preview(preview, release, datetime.fromtimestamp(int(ends), UTC))
