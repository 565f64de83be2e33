"""The shell's settings for tests that run inside pytest: a local run, on a database of its own.

Its Redis is where nobody listens. At a local run's own address a Mullion may stand, which is nothing to these tests.
"""

import os

os.environ["DEBUG"] = "1"
# Not for the processes that tests start: they are told where their own Redis is.
_outside = os.environ.get("REDIS_URL")
os.environ["REDIS_URL"] = "redis://127.0.0.1:1/0"

from shell.settings import *  # noqa: E402, F403

if _outside is None:
    del os.environ["REDIS_URL"]
else:
    os.environ["REDIS_URL"] = _outside
