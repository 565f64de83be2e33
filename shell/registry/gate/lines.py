"""On which line of a file something stands: a field of a manifest, or what containment names of a body.

Public: `line_of_field`, `line_of_byte`, `line_of_note`.
"""

import re

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_STEP = re.compile(r"\[(\d+)\]|([^.\[\]$\s]+)")
_ATTRIBUTE_NOTE = re.compile(r"(?:removed|rewrote|wrote) (?P<name>\S+) (?:of|anew in) <(?P<tag>[^>]+)>")
_ELEMENT_NOTE = re.compile(r"<(?P<tag>[^>]+)>")

Path = tuple[str | int, ...]


def line_of_field(manifest: bytes, field: str) -> int | None:
    """The line of `css[0].value` or the nearest thing around it that the manifest has; None where there is nothing."""
    path: Path = tuple(int(index) if index else name for index, name in _STEP.findall(field))
    lines = _lines_of(manifest.decode("utf-8", "replace"))
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


def line_of_byte(body: bytes, at: int) -> int:
    return body.count(b"\n", 0, at) + 1


def line_of_note(body: bytes, note: str) -> int | None:
    """Where the first thing stands that a note of containment is about."""
    if found := _ATTRIBUTE_NOTE.search(note):
        tag, name = re.escape(found["tag"]), re.escape(found["name"])
        pattern = rf"<{tag}\b(?:\s+[^\s=>]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s>]+))?)*?\s+{name}(?=[\s=/>])"
    elif found := _ELEMENT_NOTE.search(note):
        pattern = rf"<{re.escape(found['tag'])}(?=[\s/>])"
    else:
        return None
    at = re.search(pattern, body.decode("utf-8", "replace"), re.IGNORECASE)
    return at.string.count("\n", 0, at.start()) + 1 if at else None


def _lines_of(text: str) -> dict[Path, int]:
    """The line of each value of a JSON text by its path; as far as the text can be read."""
    lines: dict[Path, int] = {}
    path: list[str | int] = []
    key_next: list[bool] = []  # for each open bracket: whether an object's key comes next
    for token in _TOKEN.finditer(text):
        word, line = token.group(), text.count("\n", 0, token.start()) + 1
        if path and isinstance(path[-1], int) and word not in "]},:":
            lines.setdefault(tuple(path), line)
        if word in "{[":
            path.append(0 if word == "[" else "")
            key_next.append(word == "{")
        elif word in "}]":
            if path:
                path.pop()
                key_next.pop()
        elif word == "," and path:
            last = path[-1]
            path[-1] = last + 1 if isinstance(last, int) else ""
            key_next[-1] = not isinstance(last, int)
        elif word != ":" and key_next and key_next[-1]:
            path[-1], key_next[-1] = word.strip('"'), False
            lines.setdefault(tuple(path), line)
    return lines
