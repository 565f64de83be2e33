"""`manage.py fragment` on this machine's registry: what teams may do (`fragments.cli`), and what operators alone do.

Those are `publish` under any name, `trust`, `follow`, `scopes`, `team` and `warm`.
"""

import asyncio
import getpass
import json
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from fragments.cli.gate_verbs import finding_lines
from fragments.cli.output import plain, say
from fragments.cli.verbs import add_trial, add_verbs, run_verb
from shell.composition.page import PageTable, Visit
from shell.composition.release import Trust
from shell.composition.requests import Bearer
from shell.operations import production
from shell.operations.local_registry import LocalRegistry, OutcomesElsewhere
from shell.operations.page_changes import live_table
from shell.operations.warm_verb import add_warm_verb, run_warm_verb
from shell.pages.table import read_pages
from shell.players.context import Minter
from shell.players.models import Player
from shell.registry.history import NotFound
from shell.registry.holds import HoldRefused
from shell.registry.origins import Origins
from shell.registry.previews import PreviewRefused, set_team
from shell.registry.publish import PublishRefused, Trial, publish
from shell.registry.registrations import (
    RegistrationRefused,
    set_follow,
    set_origins,
    set_shown,
    set_trust_of_live,
)
from shell.registry.rollback import RollbackRefused
from shell.registry.rollout import RolloutRefused
from shell.registry.scopes import ScopesRefused, set_scopes
from shell.registry.tokens import TokenRefused
from shell.registry.waivers import WaiverRefused, views_of
from shell.registry.warm_ups import WarmUpRefused

TRUST = (
    "Say how far a fragment is trusted, whatever release of it is live. first-party: its scripts run in the page, "
    "which they can read and change whole. sandboxed: its HTML and styles stand in a place of their own, without "
    "script, htmx or bindings. What was published for the other isolation may stand unstyled until it is published "
    "again."
)

FOLLOW = (
    "When a followed fragment answers with another version than the live release's, a shell publishes what its "
    "manifest describes, with the same checks as ever: once a minute at most, more and more rarely where it is "
    "refused, and never a version that was live before."
)


ANY_ORIGIN = "any origin that is allowed and no other fragment's"
ORIGINS = (
    "Say which origins a fragment alone is published from, whoever publishes it. They need not stand in "
    "FRAGMENT_ORIGINS, and no other fragment is published from them. Without any it is published from "
    "FRAGMENT_ORIGINS, but for those of others."
)

SHOWS = (
    "Say which foreign origins a fragment alone may show pictures of (its manifest has to declare them too) and frame, "
    "beside PICTURE_ORIGINS and FRAME_ORIGINS. The policy of pages that it stands in names them; running shells follow "
    "within a second, and open pages keep theirs until they are opened anew. An option without an origin takes all of "
    "its kind away."
)

TEAM = (
    "Say which accounts are of a fragment's team: they may be shown its releases before these are live, by a link that "
    "`fragment preview` prints. Whoever is taken out sees what everybody sees within a second."
)

SCOPES = (
    "Say what a fragment may do for a signed-in player on any page, in place of what the pages table says; running "
    "shells follow within a second. Whoever publishes a page as data can not."
)

REFUSALS = (
    HoldRefused,
    NotFound,
    OutcomesElsewhere,
    PreviewRefused,
    RegistrationRefused,
    RollbackRefused,
    RolloutRefused,
    ScopesRefused,
    TokenRefused,
    WaiverRefused,
    WarmUpRefused,
)


class Command(BaseCommand):
    help = (
        "Publish fragments (fetch each manifest, its fallback and assets, check them, keep copies and make the release "
        "live), say how far one is trusted, roll one back, hold one out of every page, or make a token with which a "
        "team does so by itself from elsewhere (MULLION_URL, MULLION_TOKEN). Each change is audited with your "
        "name; running shells follow within a second, and shells that start later know it too. It works on the copy "
        "that runs on this machine, on that of --port-base, or on the shell that SHELL_SECRET_KEY and "
        "SHELL_DATABASE_URL name. Before any of it, `fragment check URL` looks at a fragment as pages would, and needs "
        "none of these: fragment check --help\n\n"
        "Examples: manage.py fragment publish http://127.0.0.1:8020/manifest.json | "
        'manage.py fragment hold wallet --reason "wrong balances, INC-41" | manage.py fragment resume wallet'
    )
    # All others look at what is served, and import it: that takes as long as the rest of a command.
    requires_system_checks = (production.TAG,)

    def add_arguments(self, parser: CommandParser) -> None:
        _add_port_base(parser)
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        # These parse for themselves, before there are settings; they stand here to be found.
        verbs.add_parser("check", help="look at a fragment as pages would: fragment check --help", add_help=False)
        verbs.add_parser("dev", help="run a fragment's folder in every state: fragment dev --help", add_help=False)
        verb = verbs.add_parser("publish", help="publish the releases that these manifests describe")
        verb.add_argument("urls", nargs="+", metavar="URL", help="where a manifest.json is served")
        verb.add_argument("--move", action="store_true", help="take them also where they are live from another origin")
        verb.add_argument(
            "--trust",
            choices=[each.value for each in Trust],
            help="how far these names are trusted; without it as far as they were, and a new name is sandboxed",
        )
        add_trial(verb)
        verb = verbs.add_parser("trust", help="say how far a fragment is trusted", description=TRUST)
        verb.add_argument("name", metavar="NAME", help="the fragment, as the status board names it")
        verb.add_argument("trust", choices=[each.value for each in Trust])
        verb = verbs.add_parser("follow", help="publish by itself what a fragment's origin deploys", description=FOLLOW)
        verb.add_argument("name", metavar="NAME", help="the fragment, as the status board names it")
        verb.add_argument("follow", choices=["on", "off"])
        verb = verbs.add_parser("shows", help="say which foreign pictures and frames it may show", description=SHOWS)
        verb.add_argument("name", metavar="NAME", help="the fragment, which need not be published yet")
        verb.add_argument("--pictures", nargs="*", metavar="ORIGIN", help="such as https://cdn.example")
        verb.add_argument("--frames", nargs="*", metavar="ORIGIN", help="such as https://games.example")
        verb = verbs.add_parser("origins", help="say from where alone a fragment is published", description=ORIGINS)
        verb.add_argument("name", metavar="NAME", help="the fragment, which need not be published yet")
        verb.add_argument("origins", nargs="*", metavar="ORIGIN", help="such as https://poll.example; none: as others")
        verb = verbs.add_parser("scopes", help="say what a fragment may do for a player", description=SCOPES)
        verb.add_argument("name", metavar="NAME", help="the fragment, which need not be published yet")
        verb.add_argument("scopes", nargs="*", metavar="SCOPE", help="such as wallet.read; none takes all away")
        verb = verbs.add_parser("team", help="say who may be shown releases that are not live", description=TEAM)
        verb.add_argument("name", metavar="NAME", help="the fragment, which need not be published yet")
        verb.add_argument("accounts", nargs="*", metavar="USERNAME", help="all of the team; none ends every preview")
        add_warm_verb(verbs)
        below = add_verbs(verbs)
        for each in (*verbs.choices.values(), *below):
            _add_port_base(each)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["verb"] == "trust":
                self._trust(options["name"], Trust(options["trust"]))
            elif options["verb"] == "follow":
                self._follow(options["name"], follow=options["follow"] == "on")
            elif options["verb"] == "shows":
                self._shows(options["name"], options["pictures"], options["frames"])
            elif options["verb"] == "origins":
                self._origins(options["name"], options["origins"])
            elif options["verb"] == "scopes":
                self._scopes(options["name"], options["scopes"])
            elif options["verb"] == "team":
                self._team(options["name"], options["accounts"])
            elif options["verb"] == "warm":
                self.stdout.write("\n".join(run_warm_verb(options, actor=getpass.getuser())))
            elif options["verb"] == "publish":
                trust = Trust(options["trust"]) if options["trust"] else None
                share, steps = options["canary"], options["steps"]
                trial = Trial(share or 0, options["promotes"], steps) if steps or share is not None else None
                how = {"move": options["move"], "trust": trust, "trial": trial, "candidate": options["candidate"]}
                how["expect"] = options["expect"]
                self._publish(options["urls"], **how)
            else:
                self._answer(Namespace(**options))
        except (*REFUSALS, PublishRefused) as error:
            raise CommandError(str(error)) from error
        except Error as error:
            why = next(iter(str(error).splitlines()), type(error).__name__)
            raise CommandError(
                f"The shell's database can not be used ({why}). Nothing was changed. Name a copy that ran with "
                "--port-base, or the shell's database with SHELL_DATABASE_URL."
            ) from error

    def _answer(self, given: Namespace) -> None:
        answer = run_verb(LocalRegistry(getpass.getuser()), given)
        if given.json:
            self.stdout.write(json.dumps(answer, indent=2, ensure_ascii=False))
            return
        for line in say(given.verb, getattr(given, "deed", ""), getattr(given, "name", ""), answer):
            self.stdout.write(plain(line))

    def _trust(self, name: str, trust: Trust) -> None:
        if set_trust_of_live(name, trust, actor=getpass.getuser()):
            self.stdout.write(f"{name} is {trust}; publish it again, so that its styles fit")
        else:
            self.stdout.write(f"unchanged {name}: it is {trust} already")

    def _follow(self, name: str, *, follow: bool) -> None:
        word = "followed" if follow else "not followed"
        changed = set_follow(name, follow, actor=getpass.getuser())
        self.stdout.write(f"{name} is {word}" if changed else f"unchanged {name}: it is {word} already")

    def _shows(self, name: str, pictures: list[str] | None, frames: list[str] | None) -> None:
        changed = set_shown(name, pictures=pictures, frames=frames, actor=getpass.getuser())
        given = (("pictures", pictures), ("frames", frames))
        lists = "; ".join(f"{kind}: {' '.join(each) or 'none'}" for kind, each in given if each is not None)
        allowed = f"{name} may show {lists or 'what it could'}"
        self.stdout.write(allowed if changed else f"unchanged: {allowed}")

    def _origins(self, name: str, origins: list[str]) -> None:
        allowed = f"{name} is published from {' '.join(origins) or ANY_ORIGIN}"
        changed = set_origins(name, origins, actor=getpass.getuser())
        self.stdout.write(allowed if changed else f"unchanged: {allowed}")

    def _scopes(self, name: str, scopes: list[str]) -> None:
        allowed = f"{name} may do this for a player: {' '.join(sorted(set(scopes))) or 'nothing'}"
        changed = set_scopes(name, scopes, actor=getpass.getuser())
        self.stdout.write(allowed if changed else f"unchanged: {allowed}")

    def _team(self, name: str, accounts: list[str]) -> None:
        unknown = set(accounts) - set(Player.objects.filter(username__in=accounts).values_list("username", flat=True))
        if unknown:
            raise CommandError(f"there is no account {min(unknown)}; nothing was changed.")
        team = f"{name} is previewed by {', '.join(sorted(set(accounts))) or 'nobody'}"
        changed = set_team(name, accounts, actor=getpass.getuser())
        self.stdout.write(team if changed else f"unchanged: {team}")

    def _publish(self, urls: list[str], **how: Any) -> None:
        refused = asyncio.run(self._publish_all(urls, **how))
        if refused:
            raise CommandError(f"{refused} of {len(urls)} not published; what was live is still live.")

    async def _publish_all(self, urls: list[str], **how: Any) -> int:
        origins = Origins(settings.FRAGMENT_ORIGINS, loopback=settings.LOCAL)
        bearer = _bearer_of_nobody()
        pages = await sync_to_async(_pages)()
        refused = 0
        for url in urls:
            try:
                done = await publish(
                    url,
                    origins=origins,
                    actor=getpass.getuser(),
                    pages=pages,
                    bearer=bearer,
                    **how,
                )
            except PublishRefused as error:
                refused += 1
                self.stderr.write(self.style.ERROR(f"refused {url}: {error}"))
                for line in finding_lines(map(asdict, views_of(error.findings, {}))):
                    self.stderr.write(line)
                continue
            word = "published" if done.changed else "unchanged"
            self.stdout.write(f"{word} {done.fragment} {done.version} ({done.digest[:12]}), {done.trust}")
            for line in finding_lines(map(asdict, done.findings)):
                self.stdout.write(self.style.WARNING(line))
        return refused


def _pages() -> PageTable:
    """All that is live; the table's alone while the database is away, which what follows says better."""
    file = read_pages(settings.PAGES)
    try:
        return live_table(file)
    except Error:
        return file


def _bearer_of_nobody() -> Bearer:
    """Short-lived tokens for a player whom no account has, so that what players see is looked at too."""
    minter = Minter(settings.PLAYER_CONTEXT_PRIVATE_KEY)

    def bearer(visit: Visit, audience: str, scopes: frozenset[str], life_s: int) -> str:
        return minter.bearer(visit.player, audience, scopes, currency=visit.currency, locale=visit.locale)

    return bearer


def _add_port_base(parser: ArgumentParser) -> None:
    """Read by `manage.py` before there are settings; stands here for `--help`."""
    parser.add_argument("--port-base", type=int, metavar="N", help="the copy that `up --port-base N` runs or ran")
