"""A verb as a row of a table: its help, its arguments, and the registry operation that it calls; and the rows that all
tables share.

Public: `Verb`, `argument`, `one_of`, `add_table`, `run_row`, `add_json`, `SHARED`, `SharedRegistry`, `Answer`.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

# JSON as the API answers it.
Answer = Any
DAYS_DEFAULT = 90
AUDIT_LINES = 20
TOKENS = (
    "Tokens with which a team ships one fragment, or changes one page: for one name and one purpose, for so many days. "
    "read: look. publish: publish and roll back, too. operate: hold, resume and make tokens, too. A token is shown "
    "once, when it is made."
)


class SharedRegistry(Protocol):
    """What the rows of `SHARED` ask, of fragments or of pages. Each answers what the API would; a refusal is raised."""

    def list(self) -> Answer: ...
    def show(self, name: str) -> Answer: ...
    def diff(self, name: str, before: Any, after: Any) -> Answer: ...
    def audit(self, name: str, limit: int) -> Answer: ...
    def token_make(self, name: str, purpose: str, label: str, days: int) -> Answer: ...
    def token_list(self, name: str) -> Answer: ...
    def token_revoke(self, name: str, prefix: str) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Argument:
    """As `ArgumentParser.add_argument` takes it; `others` are those of which one alone may be given with it."""

    flags: tuple[str, ...]
    options: Mapping[str, Any]
    others: tuple["Argument", ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class Verb:
    """`run` asks a registry what a command line says. `named` is whether it takes a name; `below` are its own verbs."""

    says: str
    run: Callable[[Any, Namespace], Answer] | None = None
    arguments: tuple[Argument, ...] = ()
    description: str = ""
    named: bool = True
    below: Mapping[str, "Verb"] = field(default_factory=dict)


def argument(*flags: str, **options: Any) -> Argument:
    """One argument of a verb."""
    return Argument(flags, options)


def one_of(*arguments: Argument, required: bool) -> Argument:
    """Arguments of which one may be given, or has to be."""
    first, *others = arguments
    return Argument(first.flags, first.options, tuple(others), required)


def add_table(verbs: Any, table: Mapping[str, Verb], name_says: str, metavar: str = "NAME") -> list[ArgumentParser]:
    """Adds a parser for each row to `verbs`, as `add_subparsers` made it; answers those that stand below a verb."""
    below: list[ArgumentParser] = []
    for name, verb in table.items():
        parser: ArgumentParser = verbs.add_parser(name, help=verb.says, description=verb.description or None)
        if verb.below:
            deeds = parser.add_subparsers(dest="deed", required=True, metavar="|".join(verb.below))
            below += [*add_table(deeds, verb.below, name_says, metavar), *deeds.choices.values()]
            continue
        if verb.named:
            parser.add_argument("name", metavar=metavar, help=name_says)
        for each in verb.arguments:
            place = parser.add_mutually_exclusive_group(required=each.required) if each.others else parser
            for one in (each, *each.others):
                place.add_argument(*one.flags, **one.options)
        add_json(parser)
    return below


def run_row(table: Mapping[str, Verb], registry: Any, given: Namespace) -> Answer:
    """What the registry answers to the verb of `given`, which is a row of `table`."""
    verb = table[given.verb]
    verb = verb.below[given.deed] if verb.below else verb
    assert verb.run is not None
    return verb.run(registry, given)


def add_json(parser: ArgumentParser) -> None:
    """Adds `--json`."""
    parser.add_argument("--json", action="store_true", help="what the API answers, as JSON")


def _make_token(registry: SharedRegistry, given: Namespace) -> Answer:
    return registry.token_make(given.name, given.purpose, given.label, given.days)


_TOKEN = {
    "make": Verb(
        "make a token for what need not be published yet",
        _make_token,
        (
            argument("--purpose", required=True, choices=["read", "publish", "operate"]),
            argument("--label", required=True, metavar="WHOSE", help="stands in the audit: promotions-ci"),
            argument("--days", type=int, default=DAYS_DEFAULT, help=f"until it expires, {DAYS_DEFAULT} by default"),
        ),
    ),
    "list": Verb("its tokens, and when each was used last", lambda registry, given: registry.token_list(given.name)),
    "revoke": Verb(
        "end a token at once",
        lambda registry, given: registry.token_revoke(given.name, given.prefix),
        (argument("prefix", metavar="PREFIX", help="as `list` shows it"),),
    ),
}
# Verbs of both fragments and pages: list, show, diff, audit and tokens.
SHARED: Mapping[str, Verb] = {
    "list": Verb("what is live", lambda registry, given: registry.list(), named=False),
    "show": Verb("what is live of it, and what was published", lambda registry, given: registry.show(given.name)),
    "diff": Verb(
        "what changed from one to another",
        lambda registry, given: registry.diff(given.name, given.before, given.after),
        (
            argument("before", metavar="BEFORE", help="a version, or 8 characters of a digest and more"),
            argument("after", metavar="AFTER", help="the same"),
        ),
    ),
    "audit": Verb(
        "who changed what, and what was refused",
        lambda registry, given: registry.audit(given.name, given.limit),
        (argument("--limit", type=int, default=AUDIT_LINES, metavar="N", help=f"lines, {AUDIT_LINES} by default"),),
    ),
    "token": Verb("make, list and revoke tokens", description=TOKENS, below=_TOKEN),
}
