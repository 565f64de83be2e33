"""Who asks for a browser that can be seen, and can have none, reads why."""

from pathlib import Path

import pytest

from tests.drills.evidence.window import no_window

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("path", "platform", "environ", "words"),
    [
        ("/usr/bin/chromium", "linux", {"DISPLAY": ":0"}, ""),
        ("/usr/bin/chromium", "linux", {"WAYLAND_DISPLAY": "wayland-0"}, ""),
        ("/usr/bin/chromium", "darwin", {}, ""),
        ("/usr/bin/chromium", "linux", {}, "no screen is here"),
        ("/opt/chromium-headless-shell", "linux", {"DISPLAY": ":0"}, "a browser without windows"),
    ],
)
def test_browser_that_nobody_could_see_is_refused(
    path: str, platform: str, environ: dict[str, str], words: str
) -> None:
    reason = no_window(Path(path), platform, environ)
    assert words in reason
    assert bool(reason) == bool(words)
