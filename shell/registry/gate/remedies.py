"""The remedies: a sentence for each kind of finding.

Public: `remedy_for_reason`, `remedy_for_note`, `remedy_for_refusal`, `rule_of_refusal`.
"""

import re

from bff.resilience.reason import Reason
from shell.registry.gate.rules import Rule

_BOOK = "fragments/README.md says what may stand there."
_REASONS = {
    Reason.CONNECT: "Start it, or correct the address and the port.",
    Reason.CONNECT_TIMEOUT: "See that nothing between this machine and its port drops connections.",
    Reason.DNS: "Correct the name in the address, or have it resolve on this machine.",
    Reason.TLS: "Serve a certificate that is valid for this name, or write http:// where it speaks plain HTTP.",
    Reason.TIMEOUT: "Answer sooner, or raise mullion.deadline_ms (a page waits a second at most).",
    Reason.CUT: "See why the process ends its connection early; content-length has to be the body's length in bytes.",
    Reason.FRAMING: "Send exactly one of content-length and transfer-encoding: chunked.",
    Reason.OVERSIZE: "Send less, or raise mullion.body_bytes_max (524288 at most).",
    Reason.HEADERS_OVERSIZE: "Send fewer headers; 32 KiB are read.",
    Reason.REDIRECT: "Name the address that it redirects to; often a slash at the end is missing.",
    Reason.UPSTREAM_ERROR: "Look into its own log for this request.",
    Reason.THROTTLED: "Let the shell's address ask as often as pages are shown.",
    Reason.SHED: "Give it another process, or ask again when it has less to do.",
    Reason.NOT_FOUND: "Correct `content` in the manifest, or the slot's pathname (--slot).",
    Reason.UNAUTHORISED: "Answer visitors, too: without an `authorization` header nobody is signed in.",
    Reason.REJECTED: "Answer 200 with the HTML of the slot.",
    Reason.CONTENT_TYPE: "Say content-type: text/html; charset=utf-8.",
    Reason.ENCODING: "Send UTF-8 without control characters, and say so in content-type.",
    Reason.UNSAFE_HTML: "Send a piece of HTML that is closed in itself, without doctype, <html>, <head> or <body>.",
    Reason.EMPTY: "Send something that can be seen without a script, if only a sentence.",
    Reason.NOT_A_FRAGMENT: "Say podlet-version with every answer, or with none.",
}
_HANDLER = re.compile(r"(removed|rewrote) on[a-z]+ of")
_NOTES = (
    (_HANDLER, "Name a script under `js` in the manifest, and listen in its mount(root)."),
    (re.compile(r"<script>"), "Put it into a file, and name that under `js` in the manifest."),
    (re.compile(r"<(style|link)>"), "Put it into a file, and name that under `css` in the manifest."),
    (re.compile(r"style of <"), "Give it a class, and write the rule in a stylesheet of the manifest."),
    (
        re.compile(r"(removed (action|formaction) of|unwrapped <form>|<form>)"),
        "Begin the form's address with the header podium-public-pathname and a name of `proxy`: "
        "<podium-public-pathname>/actions/vote.",
    ),
    (
        re.compile(r"removed (data-)?hx-(get|post|put|patch|delete) of"),
        "Begin the address with the header podium-public-pathname; a sandboxed fragment has no htmx.",
    ),
    (
        re.compile(r"removed (data-)?(hx|live)-"),
        "Only a trusted fragment has these (--trust first-party).",
    ),
    (
        re.compile(r"removed (src|srcset|poster|data) of"),
        "Draw the picture as SVG or write it as data:image/…; what else may be named stands in fragments/README.md.",
    ),
    (
        re.compile(r"removed href of"),
        "Name a path of the shell (/cashier/), or list the other origin under mullion.links.",
    ),
    (
        re.compile(r"<(iframe|frame|embed|object)>"),
        "Only origins that operators allow may stand in a frame.",
    ),
    (
        re.compile(r"no page puts a slot"),
        "Have the pages table declare a slot of that name inside yours, and stand its place in plain boxes alone.",
    ),
    (re.compile(r"so \w\S* stands at its end"), 'Mark its place: <slot name="…"></slot>, with the name of that slot.'),
    (re.compile(r"<base>|<meta>|<title>"), "Take it out: the head is the page's."),
)
_REFUSALS = (
    (re.compile(r"not JSON|malformed"), "Mend the JSON; a comma too many or too few is the usual one."),
    (re.compile(r"missing required field"), "Add the field: name and version are all that has to stand there."),
    (
        re.compile(r"\.data(\[\d+\]\S*)?`$"),
        'Write data as [{"key": "site", "value": "harbour"}]; fragments/README.md says what may stand in it.',
    ),
    (re.compile(r"there is no such key"), "Correct the key, or take it out."),
    (re.compile(r"Expected|Invalid enum"), "Correct the value; the table in fragments/README.md says what it may be."),
    (re.compile(r"served as"), "Serve stylesheets as text/css and scripts as text/javascript."),
    (re.compile(r"fetches something else"), "Inline what it fetches, or list it in the manifest."),
    (re.compile(r"integrity"), "Write the hash of the file that is served, or leave integrity away."),
    (
        re.compile(r"leads to "),
        "Serve it at a public address, or have operators allow its network (FRAGMENT_NETWORKS).",
    ),
    (re.compile(r"is on trial; promote"), "Promote it or roll it back, and publish again."),
    (re.compile(r"was published with other bytes"), "Give this release a version of its own."),
    (re.compile(r"is an origin of "), "Publish it from an origin of its own, or have operators allow it there."),
    (
        re.compile(r"not on an allowed origin"),
        "Serve it from the manifest's origin, or have operators allow it.",
    ),
    (re.compile(r"no address to fetch"), "Write the whole address with its scheme."),
    (re.compile(r"answered 30\d"), _REASONS[Reason.REDIRECT]),
    (re.compile(r"answered 404"), "Serve it there, or correct the address in the manifest."),
    (re.compile(r"answered 5\d\d"), _REASONS[Reason.UPSTREAM_ERROR]),
    (re.compile(r"answered \d"), "Answer 200."),
    (re.compile(r"bytes, at most"), "Make it smaller."),
)
_RULES = (
    (re.compile(r"^name: |^version: |both would be the document's"), Rule.NAME),
    (re.compile(r"not on an allowed origin|no address to fetch|leads to|origin of"), Rule.ADDRESS),
    (re.compile(r"^manifest"), Rule.MANIFEST),
    (re.compile(r"^fallback: (?!.*(answer|allowed origin|no address))"), Rule.FALLBACK_REFUSED),
)
_REASON_WORD = re.compile(r"\(([a-z_]+)\)[^()]*$")


def remedy_for_reason(reason: Reason) -> str:
    """What a team does about a slot that is not fresh for this reason."""
    return _REASONS.get(reason, "Look into its own log: it says itself that something behind it fails.")


def remedy_for_note(note: str) -> str:
    """What a team does about what containment took out."""
    return next((remedy for pattern, remedy in _NOTES if pattern.search(note)), f"Take it out. {_BOOK}")


def rule_of_refusal(message: str) -> Rule:
    """Which rule a refusal to copy is by."""
    return next((rule for pattern, rule in _RULES if pattern.search(message)), Rule.FILE)


def remedy_for_refusal(message: str) -> str:
    """What a team does about what publishing refuses."""
    for pattern, remedy in _REFUSALS:
        if pattern.search(message):
            return remedy
    word = _REASON_WORD.search(message)
    return remedy_for_reason(Reason(word[1])) if word and word[1] in set(Reason) else f"Correct it. {_BOOK}"
