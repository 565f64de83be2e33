"""The content security policy of one page: the shell's own, and the origins that its fragments may show of others.

Public: `page_policy`.
"""

from shell.composition.body import links_of
from shell.composition.page import Visit
from shell.composition.release import Snapshot
from shell.security import content_security_policy


def page_policy(visit: Visit, snapshot: Snapshot) -> str:
    """Empty where no fragment of the page has origins of its own: then every page's policy holds."""
    if not snapshot.shows_others:
        return ""
    found = (snapshot.release_for(slot.fragment, visit.visitor) for slot in visit.page.slots)
    releases = [each for each in found if each is not None and any(each.shown)]
    if not releases:
        return ""
    links = [links_of(release) for release in releases]
    pictures = sorted({origin for each in links for origin in each.picture_origins})
    frames = sorted({origin for each in links for origin in each.frame_origins})
    return content_security_policy(tuple(pictures), tuple(frames))
