"""Which pictures an answer's HTML shows, so that they can be copied before any page does.

Public: `pictures_in`.
"""

import turbohtml

from shell.composition.contain.pictures import candidates

_SHOWN = {"img[src]": "src", "video[poster]": "poster", "input[src]": "src"}
_SETS = "img[srcset], source[srcset]"
_SHOWN_MAX = 200


def pictures_in(body: bytes) -> list[str]:
    """Addresses as they are written, each once, of 200 at most."""
    root = turbohtml.parse_fragment(body.decode("utf-8", "replace"), positions=False)
    found = [element.attr(name) or "" for kind, name in _SHOWN.items() for element in root.select(kind)]
    for element in root.select(_SETS):
        found += [address for address, _ in candidates(element.attr("srcset") or "") or ()]
    written = (each.strip() for each in found)
    return list(dict.fromkeys(each for each in written if each and not each.startswith("data:")))[:_SHOWN_MAX]
