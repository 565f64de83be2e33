"""What a browser holds after its player has signed in, for tests that load pages without one.

Public: `signed_in`.
"""

import re

import httpx

from tests.support import plain_http
from tests.support.lobby import PASSWORD


def signed_in(url: str, name: str = "amber") -> httpx.Cookies:
    """The cookies of `name` at the shell that answers at `url`."""
    with plain_http.Client(base_url=url, timeout=30, headers={"Origin": url}) as client:
        [token] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get("/sign-in/").text)
        form = {"username": name, "password": PASSWORD, "csrfmiddlewaretoken": token, "next": "/"}
        assert client.post("/sign-in/", data=form).status_code == 302
        return client.cookies
