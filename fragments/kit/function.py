"""A fragment as a function: the same ASGI application, called by an event instead of a server.

Public: `aws_lambda`.
"""

from collections.abc import Callable
from typing import Any

from mangum import Mangum

from fragments.kit.asgi import LeanHandler


def aws_lambda(application: LeanHandler) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """A handler for AWS Lambda behind an API gateway, a function URL or a load balancer.

    The instance's life is the platform's, so the server's start and stop messages are left out.
    """
    return Mangum(application, lifespan="off")
