"""A copy that publishing would make, as pages would have it: a release, and its files by the addresses they link.

Public: `release_of`, `files_of`.
"""

from shell.composition.release import Release, Trust
from shell.operations.fragment_check.report import FileReport
from shell.registry.fetch import Copy


def release_of(copy: Copy, trust: Trust) -> Release:
    """What is live once it is published."""
    return Release(
        copy.manifest.name,
        copy.digest(),
        copy.manifest,
        copy.manifest_url,
        copy.fallback,
        css=tuple(asset.digest for asset in copy.css),
        js=tuple(asset.digest for asset in copy.js),
        uses=copy.uses,
        versioned=copy.versioned,
        trust=trust,
    )


def files_of(copy: Copy) -> list[FileReport]:
    """Each file under its path on the shell's origin."""
    return [FileReport(f"/assets/{each.digest}", each.content_type, bytes(each.body)) for each in (*copy.css, *copy.js)]
