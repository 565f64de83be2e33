"""Bodies at random, mostly written as a serialiser writes them, with an odd tag or a stray piece here and there.

Public: `nearly_plain`.
"""

import random

from shell.composition.contain.names import name_list

_TAGS = name_list("""
    div p span a b i em ul li dl dt dd table tbody thead tr td th caption colgroup form button select option h1 section
    details summary textarea label fieldset x-y pre nobr code strong small font tt u dialog video audio ruby rt rp
    optgroup listing object marquee center title menu address main svg path template slot iframe image isindex nav
    output math frameset html body head
    """)
_PLAIN_TAGS = _TAGS[:30]
_VOID = name_list("br hr img input col source track")
_ATTRIBUTES = (
    'class="a"', 'id="b"', 'href="/x/"', 'href="/slots/lobby/wallet/y"', 'title="a &amp; b"', 'data-x="1"',
    'action="/slots/lobby/wallet/go"', 'method="post"', 'name="q"', 'type="hidden"', 'colspan="2"', 'src="/assets/a"',
    'hidden=""', "class='c'", "disabled", 'slot="z"', 'form="f"', 'onclick="x"',
)  # fmt: skip
_TEXTS = (
    "x", "  ", "\n", "Anna's", "&amp;", "&lt;", "&nbsp;", "&#x27;", "€", "a > b", "&copy;", "]]>", "x\r\ny", "\xa0",
    "&mdash;", "&#8364;", "&#128;", "&#10;", "&#13;", "&LT;", "&#x3c;", "&NotEqualTilde;", "&nosuch;", "&amp", "hidden",
)  # fmt: skip
_STRAY = (
    "</p>", "</b>", "<b>", "<td>", "</td>", "<p>", "</template>", "</div>", " ", '<a href="/">', "</a>", '"', "<", ">",
)  # fmt: skip
_DEPTH_MAX = 6


def nearly_plain(chance: random.Random) -> str:
    """One body."""
    body = "".join(_node(chance, 0) for _ in range(chance.randint(1, 4)))
    if chance.random() < 0.2:
        at = chance.randrange(len(body) + 1)
        return body[:at] + chance.choice(_STRAY) + body[at:]
    return body


def _node(chance: random.Random, depth: int) -> str:
    kind = chance.random()
    if kind < 0.3 or depth > _DEPTH_MAX:
        return chance.choice(_TEXTS)
    space = "\n" if chance.random() < 0.05 else " "
    attributes = "".join(f"{space}{each}" for each in chance.sample(_ATTRIBUTES, chance.choice((0, 0, 1, 2))))
    if kind < 0.4:
        return f"<{chance.choice(_VOID)}{attributes}{chance.choice(('', '', ' /', '/', ' '))}>"
    tag = chance.choice(_PLAIN_TAGS if chance.random() < 0.7 else _TAGS)
    inner = "".join(_node(chance, depth + 1) for _ in range(chance.randint(0, 3)))
    start, end = f"<{tag}{attributes}>", f"</{tag}>"
    odd = chance.random()
    if odd < 0.02:
        return start + inner
    if odd < 0.03:
        return inner + end
    return f"<!--{inner}-->" if odd < 0.04 else start + inner + end
