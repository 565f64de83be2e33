"""The content digest of a release: equal in every environment to which its origin sent the same files.

Public: `content_of`, `ContentDiffers`, `check_content`.
A release's own digest is of what one installation serves: where it came from and what was written of it are part of it.
"""

import hashlib

from shell.registry.fetch import Copy
from shell.registry.release_folder import PublishRefused

DIGEST_CHARS_MIN = 12


class ContentDiffers(PublishRefused):
    """The origin does not send what somebody expects of it."""


def content_of(copy: Copy) -> str:
    """SHA-256 of manifest, fallback, and every file that is no picture: of these one may be missing in one answer."""
    compared = {key for key, asset in copy.files.items() if not asset.content_type.startswith("image/")}
    sent = sorted((key, digest) for key, digest in copy.sources.items() if key in compared)
    parts = (copy.manifest_body, copy.fallback, repr((copy.css, copy.js, sent)).encode())
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def check_content(copy: Copy, expected: str) -> None:
    """Raises `ContentDiffers` unless the release's content begins with `expected`; empty expects nothing."""
    if not expected:
        return
    content = content_of(copy)
    if len(expected) < DIGEST_CHARS_MIN or not content.startswith(expected):
        raise ContentDiffers(
            f"content: {copy.manifest.name} {copy.manifest.version} has the content {content[:12]} at "
            f"{copy.manifest_url}, and {expected[:64]} was expected. Nothing was changed; `fragment show` says the "
            f"content of each release in the other environment ({DIGEST_CHARS_MIN} characters of it or more)"
        )
