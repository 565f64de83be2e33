"""Whether this machine can show a browser's window: it needs a screen, and a browser that opens windows.

Public: `no_window`.
"""

from collections.abc import Mapping
from pathlib import Path

SCREENS = ("DISPLAY", "WAYLAND_DISPLAY")


def no_window(path: Path, platform: str, environ: Mapping[str, str]) -> str:
    """Why the browser at `path` can show no window, in a sentence; empty if it can."""
    if "headless" in path.name:
        return f"--headed: {path.name} is a browser without windows; name another in CHROMIUM."
    if platform == "linux" and not any(environ.get(name) for name in SCREENS):
        return "--headed: no screen is here (neither DISPLAY nor WAYLAND_DISPLAY is set)."
    return ""
