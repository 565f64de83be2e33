"""The shell's settings for tests that run inside pytest: a local run, on a database of its own."""

import os

os.environ["DEBUG"] = "1"

from shell.settings import *  # noqa: F403
