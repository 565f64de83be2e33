"""Names that mean something to the page's own scripts, so that no element of a fragment may take them.

A control's name becomes a property of its form, in front of the real one. Plain words that forms use for data (`name`,
`title`, `prefix`) stay free: nothing of the shell's asks a form for those.
Public: `name_list`, `FORM_NAMES`, `SHELL_IDS`, `SHELL_PREFIXES`.
"""


def name_list(text: str) -> list[str]:
    """A list that reads better as a line."""
    return text.split()


FORM_NAMES = frozenset(
    name_list("""
    action method enctype encoding target noValidate elements length submit requestSubmit reset checkValidity
    reportValidity acceptCharset autocomplete relList attributes getAttribute getAttributeNames getAttributeNode
    getAttributeNS setAttribute setAttributeNode setAttributeNS removeAttribute removeAttributeNode removeAttributeNS
    hasAttribute hasAttributes hasAttributeNS toggleAttribute classList className shadowRoot attachShadow
    innerHTML outerHTML innerText outerText textContent setHTML setHTMLUnsafe getHTML insertAdjacentElement
    insertAdjacentHTML insertAdjacentText matches closest webkitMatchesSelector querySelector querySelectorAll
    getElementsByTagName getElementsByTagNameNS getElementsByClassName children childNodes childElementCount firstChild
    lastChild firstElementChild lastElementChild nextSibling previousSibling nextElementSibling previousElementSibling
    parentNode parentElement ownerDocument isConnected baseURI nodeName nodeType nodeValue tagName localName
    namespaceURI getRootNode contains compareDocumentPosition isEqualNode isSameNode hasChildNodes cloneNode normalize
    appendChild insertBefore removeChild replaceChild moveBefore append prepend before after remove replaceWith
    replaceChildren addEventListener removeEventListener dispatchEvent dataset focus blur click scrollIntoView
    getBoundingClientRect getClientRects assignedSlot constructor __proto__ hasOwnProperty toString valueOf
    isPrototypeOf propertyIsEnumerable toLocaleString scroll scrollHeight scrollTo scrollTop startViewTransition
    offsetParent __defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__
    """)
)

# Globals that the page's scripts ask for (the first five decide how a bundled script installs itself), and the ids of
# the shell's own pages.
SHELL_IDS = frozenset(
    name_list("exports module define require process globalThis htmx Hls mullion main notice")
    + name_list("reality-check reality-title username password problem")
)
SHELL_PREFIXES = ("slot-", "shell-", "mullion")
