"""The files of a copy that publishing would make, by the addresses that pages link.

Public: `files_of`.
"""

from shell.composition.release import asset_url
from shell.operations.fragment_check.report import FileReport
from shell.registry.fetch import Copy


def files_of(copy: Copy) -> list[FileReport]:
    """Each file under its path on the shell's origin."""
    return [
        FileReport(asset_url(copy.manifest.name, copy.folder, key), each.content_type, bytes(each.body))
        for key, each in copy.files.items()
    ]
