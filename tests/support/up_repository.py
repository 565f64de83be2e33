"""A tiny repository of two houses for tests of `up`: it starts within a second or two, and can be made to misbehave.

`front` is a Django house with an ASGI app, a prepare step and the `fragment` command; `back` has a worker with a child
process of its own, and a fragment that is published.

Public: `make_repository`, `COMMAND`, `ENVIRON`.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The real `up`, run on the houses of the current folder.
COMMAND = (
    sys.executable,
    "-c",
    "import sys, pathlib; from shell.operations.up.cli import main; sys.exit(main(sys.argv[1:], pathlib.Path.cwd()))",
)
ENVIRON = {"PYTHONPATH": str(ROOT)}

FILES = {
    "manage.py": "import sys\nfrom django.core.management import execute_from_command_line as run\nrun(sys.argv)\n",
    "front/house.toml": """
[house]
name = "front"
settings = "front.settings"
[[prepare]]
manage = ["ready_made", "first"]
[[prepare]]
manage = ["ready_made", "second"]
[[process]]
name = "front"
asgi = "front.asgi:application"
port = 0
ready = "/healthz"
public = "PUBLIC_URL"
[secrets]
own = ["FRONT_SECRET"]
shared = ["SHARED_SECRET"]
key_pair = ["PLAYER_CONTEXT"]
[welcome]
"Sign in" = "amber at {url}/sign-in/"
""",
    "front/settings.py": "SECRET_KEY = 'x'\nINSTALLED_APPS = ['front']\nUSE_TZ = True\n",
    "front/asgi.py": """
import json, os

async def application(scope, receive, send):
    if scope["type"] != "http":
        return
    seen = {name: os.environ.get(name, "") for name in sorted(os.environ) if name.isupper()}
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(seen).encode()})
""",
    "front/management/commands/ready_made.py": """
import os
from django.core.management.base import BaseCommand, CommandError

class Command(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument("step")

    def handle(self, **options):
        print("prepared", options["step"], "in", os.getpid())
        if os.environ.get("FAIL_PREPARE") == options["step"]:
            raise CommandError("told to fail")
""",
    "front/management/commands/fragment.py": """
from django.core.management.base import BaseCommand, CommandError

class Command(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument("verb")
        parser.add_argument("urls", nargs="+")

    def handle(self, **options):
        print("published", len(options["urls"]), *options["urls"])
        raise CommandError("one of them was refused")
""",
    "back/house.toml": """
[house]
name = "back"
settings = "back.settings"
[[process]]
name = "worker"
run = "back.worker"
port = 11
ready = "/ready"
[[process]]
name = "pane"
run = "back.worker"
port = 20
ready = "/ready"
publish = "/manifest.json"
""",
    "back/settings.py": "",
    "back/worker.py": """
import os, subprocess, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer

# Deaf to the polite signal when told so, and never without a child of its own.
if os.environ.get("DEAF"):
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.environ.get("CRASH") == os.environ["PROCESS_NAME"]:
    sys.exit(3)
subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)", os.environ["MULLION_DATA"]])
began = time.monotonic()
print("\\x1b[2Jhello from", os.environ["PROCESS_NAME"], flush=True)

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        ready = time.monotonic() - began > 0.5 and self.path == "/ready"
        self.send_response(200 if ready else 503)
        self.end_headers()
        self.wfile.write(os.environ.get("FRONT_SECRET", "-").encode())

    def log_message(self, *arguments):
        pass

HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
""",
}


def make_repository(folder: Path) -> Path:
    """Writes the houses into `folder`; returns the folder."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder
