"""The allowed elements of MathML Core, with their attributes.

None of them links anywhere, and none holds HTML or a drawing: that is where parsers disagree.
Public: `ELEMENTS`.
"""

from shell.composition.contain import values
from shell.composition.contain.check import ask, keep
from shell.composition.contain.names import name_list

_GLOBAL = keep("class dir displaystyle lang mathvariant role scriptlevel") | ask(
    id=values.free_id,
    mathbackground=values.drawing,
    mathcolor=values.drawing,
    mathsize=values.math_length,
    style=values.style,
    tabindex=values.tab_index,
)
_LENGTHS = dict.fromkeys(
    name_list("depth height lspace maxsize minsize rspace voffset width linethickness"), values.math_length
)
_PLAIN = name_list(
    "annotation merror mi mmultiscripts mn mphantom mprescripts mroot mrow ms msqrt msub msubsup msup mstyle mtext mtr "
    "munder munderover none semantics mover"
)
ELEMENTS = dict.fromkeys(_PLAIN, _GLOBAL | _LENGTHS) | {
    "annotation": _GLOBAL | keep("encoding"),
    "math": _GLOBAL | keep("alttext xmlns") | ask(display=values.math_display),
    "mfrac": _GLOBAL | _LENGTHS | keep("denomalign numalign"),
    "mo": _GLOBAL | _LENGTHS | keep("accent fence largeop movablelimits separator stretchy symmetric"),
    "mover": _GLOBAL | keep("accent"),
    "mpadded": _GLOBAL | _LENGTHS,
    "mspace": _GLOBAL | _LENGTHS,
    "mtable": _GLOBAL
    | _LENGTHS
    | keep("align columnalign columnlines columnspacing frame rowalign rowlines rowspacing"),
    "mtd": _GLOBAL | keep("columnalign rowalign") | ask(columnspan=values.measure, rowspan=values.measure),
    "munder": _GLOBAL | keep("accentunder"),
    "munderover": _GLOBAL | keep("accent accentunder"),
}
