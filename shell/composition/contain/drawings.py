"""The allowed elements of SVG, with their attributes.

Public: `ELEMENTS`.
"""

from shell.composition.contain import values
from shell.composition.contain.check import ask, keep
from shell.composition.contain.names import name_list

# A browser reads every presentation attribute as CSS: `mask` fetches pictures, and in a later browser others may too.
_PRESENTATION = dict.fromkeys(
    name_list(
        "clip-path clip-rule color cursor display dominant-baseline fill fill-opacity fill-rule filter font-family "
        "font-size font-style font-weight letter-spacing marker-end marker-mid marker-start mask opacity overflow "
        "paint-order shape-rendering stop-color stop-opacity stroke stroke-dasharray stroke-dashoffset stroke-linecap "
        "stroke-linejoin stroke-miterlimit stroke-opacity stroke-width text-anchor text-rendering transform "
        "vector-effect visibility"
    ),
    values.drawing,
)
_GLOBAL = keep("class focusable lang role") | _PRESENTATION
_GLOBAL |= ask(id=values.free_id, tabindex=values.tab_index, style=values.style)
_BOX = keep("height width x y")
_GRADIENT = keep("gradientUnits spreadMethod") | {
    "gradientTransform": values.drawing,
    "href": values.within,
    "xlink:href": values.within,
}
ELEMENTS = {
    tag: _GLOBAL | own
    for tag, own in {
        "svg": ask(height=values.measure, width=values.measure)
        | keep("x y preserveAspectRatio viewBox xmlns xmlns:xlink version"),
        "circle": keep("cx cy pathLength r"),
        "clipPath": keep("clipPathUnits"),
        "defs": {},
        "desc": {},
        "ellipse": keep("cx cy pathLength rx ry"),
        "g": {},
        "line": keep("pathLength x1 x2 y1 y2"),
        "linearGradient": _GRADIENT | keep("x1 x2 y1 y2"),
        "marker": keep("markerHeight markerUnits markerWidth orient preserveAspectRatio refX refY viewBox"),
        "mask": _BOX | keep("maskContentUnits maskUnits"),
        "path": keep("d pathLength"),
        "pattern": _BOX | keep("patternContentUnits patternUnits viewBox") | ask(patternTransform=values.drawing),
        "polygon": keep("pathLength points"),
        "polyline": keep("pathLength points"),
        "radialGradient": _GRADIENT | keep("cx cy fr fx fy r"),
        "rect": _BOX | keep("pathLength rx ry"),
        "stop": keep("offset"),
        "symbol": _BOX | keep("preserveAspectRatio refX refY viewBox"),
        "text": keep("dx dy lengthAdjust rotate textLength x y"),
        "title": {},
        "tspan": keep("dx dy lengthAdjust rotate textLength x y"),
        "use": _BOX | {"href": values.within, "xlink:href": values.within},
    }.items()
}
