"""`manage.py fragment publish URL [URL …]`."""

import asyncio
import getpass
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from shell.registry.origins import Origins
from shell.registry.publish import PublishRefused, publish


class Command(BaseCommand):
    help = (
        "Publish fragments: fetch each manifest, its fallback and assets, check them, keep copies and make the release "
        "live. Running shells follow within a second.\n\n"
        "Example: manage.py fragment publish http://127.0.0.1:8020/manifest.json"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        verb = verbs.add_parser("publish", help="publish the releases that these manifests describe")
        verb.add_argument("urls", nargs="+", metavar="URL", help="where a manifest.json is served")

    def handle(self, *args: Any, **options: Any) -> None:
        refused = asyncio.run(self._publish_all(options["urls"]))
        if refused:
            raise CommandError(f"{refused} of {len(options['urls'])} not published; what was live is still live.")

    async def _publish_all(self, urls: list[str]) -> int:
        origins = Origins(settings.FRAGMENT_ORIGINS, loopback=settings.LOCAL)
        refused = 0
        for url in urls:
            try:
                done = await publish(url, origins=origins, actor=getpass.getuser())
            except PublishRefused as error:
                refused += 1
                self.stderr.write(self.style.ERROR(f"refused {url}: {error}"))
                continue
            word = "published" if done.changed else "unchanged"
            self.stdout.write(f"{word} {done.fragment} {done.version} ({done.digest[:12]})")
            for note in done.notes:
                self.stdout.write(self.style.WARNING(f"  {note}"))
        return refused
