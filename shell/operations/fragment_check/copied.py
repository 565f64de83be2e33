"""A copy that publishing would make, as pages would have it: a release, and its files by the addresses they link.

Public: `release_of`, `files_of`.
"""

from shell.composition.release import Release, Trust, asset_url
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
        css=copy.css,
        js=copy.js,
        uses=copy.uses,
        files={key: asset.digest for key, asset in copy.files.items()},
        folder=copy.folder,
        lifted=copy.lifted,
        versioned=copy.versioned,
        trust=trust,
    )


def files_of(copy: Copy) -> list[FileReport]:
    """Each file under its path on the shell's origin."""
    return [
        FileReport(asset_url(copy.manifest.name, copy.folder, key), each.content_type, bytes(each.body))
        for key, each in copy.files.items()
    ]
