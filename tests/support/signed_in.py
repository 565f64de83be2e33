"""The cookies of a signed-in player, for tests that load pages without a browser.

Public: `signed_in`.
"""

import re

import httpx

from tests.support import plain_http
from tests.support.lobby import LATER, PASSWORD, wait_for


def signed_in(url: str, name: str = "amber") -> httpx.Cookies:
    """The cookies of `name` at the shell at `url`. Tries again if the shell answers that it is too busy."""
    with plain_http.Client(base_url=url, timeout=60, headers={"Origin": url}) as client:

        def let_in() -> bool:
            [token] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get("/sign-in/").text)
            form = {"username": name, "password": PASSWORD, "csrfmiddlewaretoken": token, "next": "/"}
            answer = client.post("/sign-in/", data=form)
            assert answer.status_code in (302, LATER), f"{answer.status_code}: {answer.text}"
            return answer.status_code == 302

        wait_for(let_in, every_s=0.5)
        return client.cookies
