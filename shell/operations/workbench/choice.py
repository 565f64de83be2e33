"""The chosen view of the workbench, and the links that change it. Pure.

Public: `Choice`, `Option`, `Group`, `Frame`, `groups_of`, `frame_of`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from shell.operations.workbench.states import THEMES, WIDTHS_PX, BenchState, Cell

SCRIPTS = "allow-same-origin allow-scripts"
NO_SCRIPTS = "allow-same-origin"
DIRECTIONS = {"ltr": "left to right", "rtl": "right to left"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One look: everything that the switches say."""

    fragment: str
    look: int = 0
    state: BenchState = BenchState.FRESH
    width: int = WIDTHS_PX[0]
    theme: str = THEMES[0]
    direction: str = "ltr"
    signed_in: bool = True
    scripts: bool = True

    @classmethod
    def of(cls, given: Mapping[str, str], fragments: Sequence[str]) -> "Choice":
        """The choice in a query string; invalid values fall back to their defaults."""
        base = cls(_one(given.get("fragment", ""), fragments, fragments[0]))
        look = given.get("slot", "0")
        return replace(
            base,
            look=int(look) if look.isascii() and look.isdigit() and len(look) < 4 else 0,
            state=BenchState(_one(given.get("state", ""), list(BenchState), base.state)),
            width=int(_one(given.get("width", ""), [str(each) for each in WIDTHS_PX], str(base.width))),
            theme=_one(given.get("theme", ""), THEMES, base.theme),
            direction=_one(given.get("direction", ""), tuple(DIRECTIONS), base.direction),
            signed_in=given.get("player", "in") != "out",
            scripts=given.get("scripts", "on") != "off",
        )

    @property
    def href(self) -> str:
        query = {"fragment": self.fragment, "slot": self.look, "state": self.state.value, "width": self.width}
        query |= {"theme": self.theme, "direction": self.direction, "player": "in" if self.signed_in else "out"}
        return "/?" + urlencode(query | {"scripts": "on" if self.scripts else "off"})

    @property
    def cell(self) -> Cell:
        return Cell(self.fragment, self.look, self.state, self.direction, self.signed_in)


@dataclass(frozen=True, slots=True)
class Option:
    """One link of a switch."""

    words: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Group:
    """One switch."""

    words: str
    options: list[Option]


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame that shows one choice; `href` leads to the workbench with it."""

    words: str
    title: str
    src: str
    href: str
    width: int
    theme: str
    sandbox: str


def groups_of(choice: Choice, fragments: Sequence[str], looks: Sequence[str]) -> list[Group]:
    """A switch for each thing that can be chosen; one that has a single choice is left out."""
    switches: list[tuple[str, list[tuple[str, Choice]]]] = [
        ("Fragment", [(name, _of_fragment(choice, name)) for name in fragments]),
        ("Slot", [(words, replace(choice, look=number)) for number, words in enumerate(looks)]),
        ("State", [(state.words, replace(choice, state=state)) for state in BenchState]),
        ("Width", [(f"{width} px", replace(choice, width=width)) for width in WIDTHS_PX]),
        ("Theme", [(theme, replace(choice, theme=theme)) for theme in THEMES]),
        ("Writing", [(words, replace(choice, direction=each)) for each, words in DIRECTIONS.items()]),
        ("Player", [("signed in", replace(choice, signed_in=True)), ("signed out", replace(choice, signed_in=False))]),
        ("JavaScript", [("on", replace(choice, scripts=True)), ("off", replace(choice, scripts=False))]),
    ]
    return [
        Group(words, [Option(each, other.href, other == choice) for each, other in options])
        for words, options in switches
        if len(options) > 1
    ]


def frame_of(choice: Choice) -> Frame:
    """The frame for `choice`."""
    words = f"{choice.width} px, {choice.theme}"
    return Frame(
        words=words,
        title=f"{choice.fragment}, slot {choice.look}, {choice.state.words}, {words}",
        src=f"/cells/{choice.cell.key}/?theme={choice.theme}",
        href=choice.href,
        width=choice.width,
        theme=choice.theme,
        sandbox=SCRIPTS if choice.scripts else NO_SCRIPTS,
    )


def _of_fragment(choice: Choice, name: str) -> Choice:
    """Slots are a fragment's own."""
    return choice if name == choice.fragment else replace(choice, fragment=name, look=0)


def _one(value: str, allowed: Sequence[str], default: str) -> str:
    return value if value in allowed else default
