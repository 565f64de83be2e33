"""A process that changes the registry on command: two of them race, against one database.

Public: `Racer`, `Done`. `python -m tests.support.registry_racer NAME` is the process itself: it reads one line of JSON
for each change, reports that it is ready, waits for an empty line, makes the change and prints the answer.
"""

import asyncio
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any

from tests.support.mullion import ROOT

READY = "ready"
NO_REDIS = "redis://127.0.0.1:9/0"


@dataclass(frozen=True, slots=True)
class Done:
    """The `answer` of a change, or the class and message of its refusal."""

    answer: dict[str, Any]
    refused: str
    words: str


class Racer:
    """`with Racer("left", environ) as left:` then `left.prepare(verb, …)`, `left.go()`, `left.done()`."""

    def __init__(self, name: str, environ: Mapping[str, str]) -> None:
        self.name = name
        self._errors: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115  closed by __exit__
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.registry_racer", name],
            cwd=ROOT,
            env={**os.environ, "REDIS_URL": NO_REDIS, "DEBUG": "1", **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def __enter__(self) -> "Racer":
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()

    def prepare(self, verb: str, **given: Any) -> None:
        """Returns when everything but the change itself is done."""
        self._say(json.dumps({"verb": verb, **given}))
        line = self._read()
        assert line == READY, line

    def go(self) -> None:
        self._say("")

    def done(self) -> Done:
        return Done(**json.loads(self._read()))

    def does(self, verb: str, **given: Any) -> dict[str, Any]:
        """A change without a race, which must not be refused."""
        self.prepare(verb, **given)
        self.go()
        done = self.done()
        assert not done.refused, done
        return done.answer

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _read(self) -> str:
        assert self._process.stdout is not None
        if line := self._process.stdout.readline():
            return line.rstrip("\n")
        self._errors.seek(0)
        raise AssertionError(f"{self.name} ended: {self._errors.read()[-4000:]}")


# --- in the process


def serve(name: str) -> None:
    """Until its standard input ends."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "shell.settings"
    import django

    from bff.resilience import log

    django.setup()
    log.configure(level=logging.WARNING)  # to stderr: standard output is the caller's
    for line in sys.stdin:
        given = json.loads(line)
        _print(json.dumps(_changed(name, given.pop("verb"), given)))


def _changed(name: str, verb: str, given: dict[str, Any]) -> dict[str, Any]:
    from shell.operations.local_registry import LocalRegistry

    others: dict[str, Callable[..., Any]] = {"publish": _publish, "migrate": _migrate, "begin": _begin, "state": _state}
    try:
        if verb in others:
            answer = others[verb](name, **given)
        else:
            _wait()
            answer = getattr(LocalRegistry(name), verb)(**given)
    except Exception as error:  # noqa: BLE001  whatever it is, it is what the caller hears
        return {"answer": {}, "refused": type(error).__name__, "words": str(error)}
    return {"answer": answer, "refused": "", "words": ""}


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _wait() -> None:
    _print(READY)
    assert sys.stdin.readline() == "\n"


def _publish(name: str, url: str, fragment: str) -> Any:
    """Fetches the release and runs the gate before it waits, so that only the change races."""
    from shell.operations.local_registry import as_json
    from shell.registry import publish
    from shell.registry.origins import Origins

    store = publish._store

    def stored(*arguments: Any) -> publish.Published:
        _wait()
        return store(*arguments)

    publish._store = stored
    try:
        made = publish.publish(url, origins=Origins((), loopback=True), actor=name, only=fragment)
        return as_json(asyncio.run(made))
    finally:
        publish._store = store


def _migrate(name: str) -> dict[str, Any]:
    from django.core.management import call_command

    _wait()
    call_command("migrate", "--noinput", verbosity=0)
    return {}


def _begin(name: str, versions: list[str], trial: str = "") -> dict[str, Any]:
    """The first of the versions is live, `trial` is on trial. Everything older is deleted, except the audit."""
    from shell.operations.local_registry import LocalRegistry
    from shell.registry import models

    _wait()
    for table in (models.Rollout, models.Superseded, models.LiveRelease):
        table.objects.all().delete()
    for version in versions:
        release, _ = models.Release.objects.get_or_create(
            fragment="poll",
            digest=version * 64,
            defaults={
                "version": version,
                "manifest_url": "http://127.0.0.1:9/manifest.json",
                "manifest": json.dumps({"name": "poll", "version": version, "content": "/"}).encode(),
                "fallback": b"<p>Off</p>",
            },
        )
        if version == versions[0]:
            models.LiveRelease.objects.create(fragment="poll", release=release)
            models.AuditEntry.objects.create(actor=name, action="published", fragment="poll", release=release)
    if trial:
        LocalRegistry(name).canary("poll", 10, trial, False, "")
    return {"newest": models.AuditEntry.objects.latest("pk").pk}


def _state(name: str, fragment: str, after: int) -> dict[str, Any]:
    """What is live and on trial, the releases, and the audit's lines after one of them."""
    from shell.registry import models

    _wait()
    live = [row.release.version for row in models.LiveRelease.objects.filter(fragment=fragment)]
    trials = [
        {"version": row.release.version, "share": row.share, "paused": bool(row.held_back)}
        for row in models.Rollout.objects.filter(fragment=fragment)
    ]
    lines = models.AuditEntry.objects.filter(fragment=fragment, pk__gt=after).order_by("pk")
    return {
        "live": live,
        "trials": trials,
        "releases": [[row.version, row.digest] for row in models.Release.objects.filter(fragment=fragment)],
        "lines": [
            {
                "actor": row.actor,
                "action": row.action,
                "version": row.release.version if row.release else "",
                "detail": row.detail,
            }
            for row in lines
        ],
    }


if __name__ == "__main__":
    serve(sys.argv[1])
