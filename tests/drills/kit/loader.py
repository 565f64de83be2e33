"""Reads a drill file into a `Drill`, or refuses it in a sentence with the line, the field and a suggestion.

Public: `load`, `parse`, `DrillFileWrong`.
"""

import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from .drill import Drill

BYTES_MAX = 256 * 1024
DEPTH_MAX = 32
_AT = re.compile(r" - at `(?:key in )?\$(?P<path>[^`]*)`$")
_PART = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<name>[^`]*)`")
_ENUM = re.compile(r"^Invalid enum value '?(?P<value>[^']*)'?")
Place = tuple[str | int, ...]


class DrillFileWrong(Exception):
    """The message is one sentence for a person: file, line, field, and a suggestion if there is one."""


def load(file: Path) -> Drill:
    """The drill in `file`; raises `DrillFileWrong`."""
    try:
        with file.open("rb") as opened:
            raw = opened.read(BYTES_MAX + 1)
    except OSError as error:
        raise DrillFileWrong(f"{file}: {(error.strerror or 'it can not be read').lower()}") from error
    return parse(raw, str(file))


def parse(raw: bytes, name: str) -> Drill:
    """The drill in `raw`; `name` is the file's name in messages. Raises `DrillFileWrong`."""
    if len(raw) > BYTES_MAX:
        raise DrillFileWrong(f"{name}: more than {BYTES_MAX // 1024} KB is no drill")
    lines: dict[Place, int] = {}
    try:
        text = raw.decode("utf-8")
        _check_shape(text, name)
        node = yaml.compose(text, yaml.SafeLoader)
        found = _built(node, (), lines, name) if node is not None else None
    except UnicodeDecodeError as error:
        raise DrillFileWrong(f"{name}: it is not UTF-8") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DrillFileWrong(f"{name}, line {line}: this is no YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise DrillFileWrong(f"{name}: this is no YAML: {str(error).splitlines()[0]}") from error
    try:
        return msgspec.convert(found, Drill)
    except msgspec.ValidationError as error:
        raise DrillFileWrong(_sentence(str(error), lines, found, name)) from error


def _check_shape(text: str, name: str) -> None:
    """Checks events one by one, so that a document that is nested too deep is refused before it is built."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH_MAX:
            raise DrillFileWrong(f"{name}, line {line}: it is nested too deeply")
        if isinstance(event, yaml.AliasEvent):
            raise DrillFileWrong(f"{name}, line {line}: anchors and aliases are not read here; write it out")


def _built(node: yaml.Node, place: Place, lines: dict[Place, int], name: str) -> Any:
    lines[place] = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        return [_built(each, (*place, number), lines, name) for number, each in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return _scalar(node, lines[place], name)
    built: dict[str, Any] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise DrillFileWrong(f"{name}, line {line}: a field has a name")
        if key.value in built:
            raise DrillFileWrong(f"{name}, line {line}: {_path((*place, key.value))} stands here a second time")
        built[key.value] = _built(value, (*place, key.value), lines, name)
        lines[(*place, key.value)] = line
    return built


def _scalar(node: yaml.Node, line: int, name: str) -> Any:
    loader = yaml.SafeLoader("")
    try:
        value = loader.construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError) as error:
        raise DrillFileWrong(f"{name}, line {line}: {str(node.value)[:40]!r} can not be read") from error
    finally:
        loader.dispose()
    # YAML reads 2026-03-01 as a date and 1:30 as ninety: where neither type is allowed, the text is kept.
    return value if value is None or isinstance(value, bool | int | float | str) else node.value


def _sentence(problem: str, lines: dict[Place, int], found: Any, name: str) -> str:
    at = _AT.search(problem)
    place = _named(found, _place(at["path"]), problem) if at else ()
    words = problem[: at.start()] if at else problem
    hint = ""
    if unknown := _UNKNOWN.match(words):
        place = (*place, unknown["name"])
        fields = _fields(place[:-1])
        words, hint = "there is no such field", _hint(unknown["name"], fields)
    elif enum := _ENUM.match(words):
        choices = _choices(place)
        words, hint = f"{enum['value']!r} is none of {', '.join(choices)}", _hint(enum["value"], choices)
    else:
        words = words[:1].lower() + words[1:].replace("`", "")
    return f"{name}, line {_line(lines, place)}: {_path(place) or 'the whole file'}: {words}{hint}"


def _place(path: str) -> Place:
    return tuple(int(part[1]) if part[1].isdecimal() else part[0] or part[1] for part in _PART.findall(path))


def _named(found: Any, place: Place, problem: str) -> Place:
    """`place` with names where msgspec says `...`: in a mapping, the entry that is refused when checked alone."""
    if "..." not in place:
        return place
    number = place.index("...")
    mapping = found
    for part in place[:number]:
        mapping = mapping[part]
    whole = dict(mapping)
    for name in whole:
        mapping.clear()
        mapping[name] = whole[name]
        try:
            msgspec.convert(found, Drill)
        except msgspec.ValidationError as error:
            if str(error) == problem:
                mapping.update(whole)
                return _named(found, (*place[:number], name, *place[number + 1 :]), problem)
    mapping.update(whole)
    return place[:number]


def _line(lines: dict[Place, int], place: Place) -> int:
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


def _path(place: Place) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")


def _hint(word: str, choices: list[str]) -> str:
    near = difflib.get_close_matches(word, choices, n=1)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; there are {', '.join(sorted(choices))}" if choices else ""


def _fields(place: Place) -> list[str]:
    """The allowed fields of the object at `place`."""
    return [
        field.encode_name
        for type_ in _types(place)
        if isinstance(type_, msgspec.inspect.StructType)
        for field in type_.fields
    ]


def _choices(place: Place) -> list[str]:
    return [
        str(value)
        for type_ in _types(place)
        if isinstance(type_, msgspec.inspect.LiteralType)
        for value in type_.values
    ]


def _types(place: Place) -> Iterator[msgspec.inspect.Type]:
    """The allowed types at `place`."""
    standing: list[msgspec.inspect.Type] = [msgspec.inspect.type_info(Drill)]
    for part in place:
        standing = [inner for type_ in _flat(standing) for inner in _inner(type_, part)]
    yield from _flat(standing)


def _flat(types: list[msgspec.inspect.Type]) -> list[msgspec.inspect.Type]:
    return [
        inner
        for type_ in types
        for inner in (type_.types if isinstance(type_, msgspec.inspect.UnionType) else (type_,))
    ]


def _inner(type_: msgspec.inspect.Type, part: str | int) -> list[msgspec.inspect.Type]:
    if isinstance(type_, msgspec.inspect.StructType):
        return [field.type for field in type_.fields if field.encode_name == part]
    if isinstance(type_, msgspec.inspect.ListType):
        return [type_.item_type]
    return [type_.value_type] if isinstance(type_, msgspec.inspect.DictType) else []
