"""`manage.py page` on this machine's registry: pages as data, with an operator's right to give grants."""

import getpass
import json
from argparse import Namespace
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from fragments.cli.output import plain
from fragments.cli.pages import FileRefused, add_page_verbs, describe_page, run_page_verb
from shell.composition.page import PagesBroken
from shell.operations import production
from shell.operations.local_pages import LocalPages
from shell.registry.history import NotFound
from shell.registry.page_revisions import PageRefused
from shell.registry.tokens import TokenRefused


class Command(BaseCommand):
    help = (
        "Add, change and roll back pages. A page is one file of data, TOML or JSON: its address, words, slots and "
        "layout. It is checked before it is live, and every shell follows within a second. A team does so from "
        "elsewhere with the token of its page (MULLION_URL, MULLION_TOKEN); what a fragment may do for players "
        "(`fragment scopes`) and grants to third parties are an operator's to give.\n\n"
        "Examples: manage.py page publish offers.toml | manage.py page rollback offers | "
        "manage.py page token make offers --purpose publish --label offers-ci"
    )
    # All others look at what is served, and import it: that takes as long as the rest of a command.
    requires_system_checks = (production.TAG,)

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        below = add_page_verbs(verbs)
        for each in (parser, *verbs.choices.values(), *below):
            # Read by `manage.py` before there are settings; stands here for `--help`.
            each.add_argument("--port-base", type=int, metavar="N", help="the copy that `up --port-base N` runs or ran")

    def handle(self, *args: Any, **options: Any) -> None:
        given = Namespace(**options)
        try:
            answer = run_page_verb(LocalPages(getpass.getuser()), given)
        except (FileRefused, PagesBroken, PageRefused, NotFound, TokenRefused) as error:
            raise CommandError(f"{error}. Nothing was changed.".replace("..", ".")) from error
        except Error as error:
            why = next(iter(str(error).splitlines()), type(error).__name__)
            raise CommandError(
                f"The shell's database can not be used ({why}). Nothing was changed. Name a copy that ran with "
                "--port-base, or the shell's database with SHELL_DATABASE_URL."
            ) from error
        if given.json:
            self.stdout.write(json.dumps(answer, indent=2, ensure_ascii=False))
            return
        for line in describe_page(given, answer):
            self.stdout.write(plain(line))
