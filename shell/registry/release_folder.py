"""A release as a folder: its entry files and all that they reach, under paths that keep relative addresses true.

Public: `ReleaseFolder`, `ReleaseBudget`, `PublishRefused`.
A file lies at the path that it has on its origin. Where an address would mean another file in the folder than there (it
names the origin, begins with a slash or climbs above the root) it is written anew.
"""

import asyncio
import hashlib
import posixpath
from collections.abc import Awaitable, Callable, Sequence, Set
from dataclasses import dataclass, field
from urllib.parse import urljoin

from bff.resilience.message import Response
from bff.resilience.policies import house_policy
from shell.composition.release import Release, asset_url, path_of
from shell.registry import models
from shell.registry.document_names import DocumentNames, document_names, lifted_rules
from shell.registry.file_types import STYLE, FileType, type_of, wanted_by
from shell.registry.gate.findings import Finding
from shell.registry.origins import base_of
from shell.registry.references import OwnOrigin, Reach, Reference, ReferenceRefused
from shell.registry.scope import scoped
from shell.registry.script_references import read_script
from shell.registry.style_references import StyleReferences
from shell.registry.stylesheet import external_reference

# Fetches what a field names from an address that is allowed, or refuses.
Get = Callable[[str, str], Awaitable[Response]]
_LIFTED = "|page.css"
_FOLDER = "http://shell" + asset_url("fragment", "0" * 64, "")


class PublishRefused(Exception):
    """The message says what is wrong, by field where there is one, and that nothing was changed.

    `findings` are the same, each with its rule, its place and what to do.
    """

    def __init__(self, message: str, findings: Sequence[Finding] = ()) -> None:
        super().__init__(message)
        self.findings = tuple(findings)


@dataclass(frozen=True, slots=True)
class ReleaseBudget:
    """How much a release may hold; a file of it has at most `file_bytes_max` bytes."""

    files_max: int = 256
    bytes_max: int = 8 * 1024 * 1024
    file_bytes_max: int = 2 * 1024 * 1024


def release_budget() -> ReleaseBudget:
    """As this installation wants it."""
    return house_policy("release", ReleaseBudget())


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A file that something reaches: `where` says what, for a message. One for shadow roots is `in_roots`."""

    where: str
    url: str
    key: str
    reach: Reach
    optional: bool = False
    in_roots: bool = False


@dataclass(slots=True)
class ReleaseFolder:
    """Files by key, as pages get them, and in `sources` the digests of what the origin sent as them.

    `notes` says what a browser will not find, or what was left out.

    `lifted` are stylesheets for the document, and `names` what is named there.
    """

    get: Get
    release: Release
    budget: ReleaseBudget = field(default_factory=release_budget)
    files: dict[str, models.Asset] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    names: DocumentNames = field(default_factory=DocumentNames)
    lifted: list[str] = field(default_factory=list)
    _types: dict[str, FileType] = field(default_factory=dict)
    _modules: set[str] = field(default_factory=set)
    _reached: list[_Wanted] = field(default_factory=list)
    _bytes: int = 0

    def is_module(self, key: str) -> bool:
        """Whether only a module can be written as the script at `key` is."""
        return key in self._modules

    def digests(self) -> dict[str, str]:
        """What each file holds."""
        return {key: asset.digest for key, asset in self.files.items()}

    def name(self) -> str:
        """What tells these files from those of any other release; the same files lie at the same addresses."""
        return hashlib.sha256(repr(sorted(self.digests().items())).encode()).hexdigest()[:32] if self.files else ""

    def add_entry(self, where: str, url: str, response: Response, kind: FileType, *, in_roots: bool = False) -> str:
        """One file that the manifest names; the key that pages find it by. Raises `PublishRefused`."""
        key = OwnOrigin(base_of(url)).key(url)
        if key not in self.files:
            self._store(_Wanted(where, url, key, Reach.URL, in_roots=in_roots), response.body, kind)
        return key

    def add_pictures(self, where: str, base: str, addresses: Sequence[str]) -> None:
        """Pictures that HTML shows whose addresses are relative to `base`. One that is not there is a note."""
        own = OwnOrigin(base_of(base))
        for address in addresses:
            try:
                url = own.resolve(base, address)
            except ReferenceRefused:
                continue  # containment says what becomes of it
            shown = f"{where}: {Reach.PICTURE} {address}"
            self._reached.append(_Wanted(shown, url, own.key(url), Reach.PICTURE, optional=True))

    async def add_referenced(self) -> None:
        """All that the entry files reach, and what these do, each once; raises `PublishRefused`."""
        while self._reached:
            wanted, self._reached = self._reached, []
            unseen = {each.key: each for each in wanted if each.key not in self.files}
            self._judge_count(len(self.files) + len(unseen))
            answers = await asyncio.gather(*(self._fetch(each) for each in unseen.values()))
            for each, response in zip(unseen.values(), answers, strict=True):
                if response is not None:
                    self._store(each, response.body, self._type_of(each, response))
            for each in wanted:
                if each.key in self.files:
                    self._judge_reach(each)

    async def _fetch(self, wanted: _Wanted) -> Response | None:
        """None for what may be missing."""
        try:
            response = await self.get(wanted.where, wanted.url)
            found = type_of(response.headers.get("content-type"))
            if wanted.optional and (found is None or wanted.reach not in found.reached_by):
                raise PublishRefused(f"{wanted.where}: {wanted.url} is none of {wanted_by(wanted.reach)}")
            return response
        except PublishRefused as refusal:
            if wanted.optional:
                self.notes.append(str(refusal))
                return None
            raise PublishRefused(f"{refusal}. Serve the file there, or take out what names it") from refusal

    def _type_of(self, wanted: _Wanted, response: Response) -> FileType:
        served = response.headers.get("content-type")
        found = type_of(served)
        if found is None:
            raise PublishRefused(
                f"{wanted.where}: {wanted.url} is served as {served or 'no type'}; wanted {wanted_by(wanted.reach)}"
            )
        return found

    def _judge_reach(self, wanted: _Wanted) -> None:
        kind = self._types[wanted.key]
        if wanted.reach not in kind.reached_by:
            raise PublishRefused(
                f"{wanted.where}: {wanted.url} is served as {kind.content_type}; wanted {wanted_by(wanted.reach)}"
            )

    def _judge_count(self, count: int) -> None:
        if count > self.budget.files_max:
            raise PublishRefused(
                f"files: the release has {count} files or more, and at most {self.budget.files_max} are taken. Bundle "
                "them, or have an operator raise files_max of `release` in HOUSE_POLICIES"
            )

    def _store(self, wanted: _Wanted, body: bytes, kind: FileType) -> None:
        """`body` as pages get it; what it reaches is yet to be fetched."""
        self.sources[wanted.key] = hashlib.sha256(body).hexdigest()
        if kind.is_script:
            body = self._script(wanted, body)
        elif kind.is_style:
            body = self._style(wanted, body)
        self._keep(wanted.key, body, kind)

    def _keep(self, key: str, body: bytes, kind: FileType) -> None:
        if key in self.files:
            raise PublishRefused(f"files: {key} is a name that publishing itself gives. Give the file another name")
        self._bytes += len(body)
        if self._bytes > self.budget.bytes_max:
            raise PublishRefused(
                f"files: with {key} the release has {self._bytes} bytes, and at most {self.budget.bytes_max} "
                "are taken. Make pictures smaller, or have an operator raise bytes_max of `release` in HOUSE_POLICIES"
            )
        self._types[key] = kind
        digest = hashlib.sha256(body).hexdigest()
        self.files[key] = models.Asset(digest=digest, content_type=kind.content_type, body=body)
        self._judge_count(len(self.files))

    def _script(self, wanted: _Wanted, body: bytes) -> bytes:
        found = read_script(body)
        if found.is_module:
            self._modules.add(wanted.key)
        for reference in found.bare:
            self.notes.append(
                f"{_of(wanted)}, line {reference.line}: imports {reference.address[:80]!r}, which is no address and "
                "which no import map explains here; where it is run it fails. Bundle it, or write a path"
            )
        for line in found.unknown:
            self.notes.append(
                f"{_of(wanted)}, line {line}: what it loads is known only when it runs, and what no file names is "
                "not copied"
            )
        written, last = [], 0
        for reference in found.references:
            address = self._reach(wanted, reference)
            written += [body[last : reference.start], address.encode()]
            last = reference.end
        return b"".join([*written, body[last:]])

    def _style(self, wanted: _Wanted, body: bytes) -> bytes:
        try:
            found = StyleReferences(body)
        except ReferenceRefused as refusal:
            raise PublishRefused(f"{_of(wanted)}: {refusal}") from refusal
        addresses = {each.address: self._reach(wanted, each) for each in found.references}
        body = found.written(addresses)
        allowed = frozenset(addresses.values())
        if rest := external_reference(body, allowed):
            raise PublishRefused(
                f"{_of(wanted)}: the stylesheet fetches something that can not be copied ({rest}…). Write the address "
                "out, of a file on your own origin"
            )
        names = document_names(body)
        if self.release.isolation == "shadow" or wanted.in_roots:
            self.names |= names
            self._lift(wanted, body, allowed)
            return body
        # In a shared tree a family has the fragment's name before its own; a property can not.
        declared = frozenset(name for name in names.declared if name.startswith("--"))
        self.names |= DocumentNames(declared, names.used)
        body, left_out = scoped(body, self.release.fragment)
        self.notes += [f"{_of(wanted)}: left out {what}" for what in left_out]
        if rest := external_reference(body, allowed):
            raise PublishRefused(f"{_of(wanted)}: the stylesheet fetches something else once it is scoped ({rest}…)")
        return body

    def _lift(self, wanted: _Wanted, body: bytes, allowed: Set[str]) -> None:
        """Beside the stylesheet one more, for the document, with what a browser reads there alone."""
        rules = lifted_rules(body)
        if not rules:
            return
        if rest := external_reference(rules, allowed):
            raise PublishRefused(f"{_of(wanted)}: what is lifted to the page fetches something else ({rest}…)")
        key = f"{wanted.key.partition('?')[0]}{_LIFTED}"
        self.lifted.append(key)
        self._keep(key, rules, STYLE)

    def _reach(self, wanted: _Wanted, reference: Reference) -> str:
        """Put down that `reference` is reached; the address by which a page finds it from the file that names it."""
        own = OwnOrigin(base_of(wanted.url))
        where = f"{_of(wanted)}, line {reference.line}"
        try:
            url = own.resolve(wanted.url, reference.address)
        except ReferenceRefused as refusal:
            raise PublishRefused(f"{where}: {refusal}") from refusal
        key = own.key(url)
        reached = f"{where}: {reference.reach} {reference.address}"
        self._reached.append(_Wanted(reached, url, key, reference.reach, in_roots=wanted.in_roots))
        here, there = _FOLDER + path_of(wanted.key), _FOLDER + path_of(key)
        if urljoin(here, reference.address).partition("#")[0] == there:
            return reference.address
        climbed = posixpath.relpath("/" + path_of(key), posixpath.dirname("/" + path_of(wanted.key)))
        _, mark, fragment = reference.address.partition("#")
        return (climbed if climbed.startswith(".") else f"./{climbed}") + mark + fragment


def _of(wanted: _Wanted) -> str:
    return f"{wanted.where.partition(':')[0]}: {wanted.key}"
