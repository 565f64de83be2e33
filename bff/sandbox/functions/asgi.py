"""One function's platform as `up --functions` serves it. Public: `application`."""

import os
import sys

from bff.resilience import log
from bff.resilience.border import Border
from bff.sandbox.clock import SandboxClock
from bff.sandbox.functions.policy import FUNCTIONS
from bff.sandbox.functions.pool import Pool
from bff.sandbox.functions.server import FunctionPlatform

log.configure()
_handler = os.environ.get("FUNCTION_HANDLER", "")
if not _handler:
    sys.exit("FUNCTION_HANDLER is not set. Set it to a function, such as fragments.wallet.function.handler.")
_name = os.environ.get("PROCESS_NAME", "")
platform = FunctionPlatform(_name, Pool(_handler, FUNCTIONS, os.environ), SandboxClock())
application = Border(platform, body_bytes_max=FUNCTIONS.body_bytes_max)
