"""A game provider with one game, for tests: it signs its requests, for one player with money in their account."""

import json
import secrets
import time

from bff.contracts.player_context import PlayerContext, mint
from bff.contracts.seamless import sign

SECRET = "games-secret-for-tests"


def uuid():
    return secrets.token_hex(8)


class Provider:
    """Requests for one player with a balance of 100.00. The house needs `GAMES_WALLET_SECRET=SECRET`."""

    def __init__(self, house):
        self.house = house
        self.player = f"pl_{secrets.token_hex(5)}"
        assert house.deposit(self.player, 10_000)[1]["state"] == "done"
        self.token = self.issue()

    def issue(self, *, game="roulette-1", expires_in_s=600, scope="games.play", player="", session="", age_s=0):
        now = int(time.time())
        context = PlayerContext(
            player or self.player, f"game:{game}", "EUR", "en", frozenset({scope}), now + expires_in_s, session=session
        )
        return mint(context, self.house.private_key, now=now - age_s)

    def call(self, path, *, secret=SECRET, at=None, provider="sandbox-tables", **fields):
        body = {"request_uuid": uuid(), "token": self.token, "game_code": "roulette-1", **fields}
        raw = json.dumps(body).encode()
        signature = sign(path, raw, secret, now=int(at or time.time()))
        return self.house.post(path, raw, headers={"Wallet-Provider": provider, "Wallet-Signature": signature})

    def status(self, path, **fields):
        http, answer = self.call(path, **fields)
        assert http == 200
        return answer["status"]

    def bet(self, amount, **fields):
        fields = {"transaction_uuid": uuid(), "round": "r1", "currency": "EUR", **fields}
        return self.call("/transaction/bet", amount=amount, **fields)
