"""HTTP without TLS, for tests that send many requests: httpx takes 40 ms to load certificates.

Public: `request`, `get`, `post`, `delete`, `Client`, `AsyncClient`: as httpx has them.
"""

from functools import partial

import httpx

request = partial(httpx.request, verify=False, trust_env=False)
get = partial(httpx.get, verify=False, trust_env=False)
post = partial(httpx.post, verify=False, trust_env=False)
delete = partial(httpx.delete, verify=False, trust_env=False)
Client = partial(httpx.Client, verify=False, trust_env=False)
AsyncClient = partial(httpx.AsyncClient, verify=False, trust_env=False)
