"""The files of a copy that publishing would make, by the addresses that pages link.

Public: `files_of`.
"""

from urllib.parse import urlsplit

from shell.composition.release import asset_url
from shell.operations.fragment_check.report import FileReport
from shell.registry.fetch import Copy
from shell.registry.gate.assess import release_of


def files_of(copy: Copy) -> list[FileReport]:
    """Each file under its path on the shell's origin; also what pages get through the shell, as it was just now."""
    copied = [
        FileReport(asset_url(copy.manifest.name, copy.folder, key), each.content_type, bytes(each.body))
        for key, each in copy.files.items()
    ]
    own = release_of(copy, copy.trust).pictures
    passed = [(own.address(each.address), each) for each in copy.passed_pictures]
    return copied + [FileReport(urlsplit(path).path, each.content_type, each.body) for path, each in passed if path]
