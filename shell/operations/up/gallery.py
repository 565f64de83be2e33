"""The gallery with `--gallery`: the bench with every fragment here, beside a running shell whose /gallery/ leads to it.

Public: `launch`, `shared_environ`, `welcome`, `GALLERY_NAME`.
"""

from collections.abc import Mapping

from shell.operations.up.drills import HOST
from shell.operations.up.house import GALLERY_OFFSET
from shell.operations.up.launch import Launch

GALLERY_NAME = "gallery"
PATH = "/gallery/"


def launch(port_base: int, environ: Mapping[str, str], python: str) -> Launch:
    """Its process. `environ` is what `up` itself was given: nothing of the houses', none of which it calls."""
    port = port_base + GALLERY_OFFSET
    return Launch(
        name=GALLERY_NAME,
        house=GALLERY_NAME,
        command=(python, "manage.py", "fragment", "dev", "--port", str(port)),
        environ={**environ, "PYTHONUNBUFFERED": "1"},
        port=port,
        ready_path=PATH,
    )


def shared_environ(port_base: int) -> dict[str, str]:
    """The variables for the shell."""
    return {"GALLERY_URL": f"http://{HOST}:{port_base + GALLERY_OFFSET}{PATH}"}


def welcome(port_base: int) -> tuple[str, str]:
    """The line for the block that `up` prints."""
    return ("Gallery", f"http://localhost:{port_base}{PATH}")
