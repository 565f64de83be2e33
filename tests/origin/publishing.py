"""What an origin publishes, and faults in it: put these on `at=/manifest.json`.

Public: `manifest`, `STYLE`, `MORE_STYLE`, `FALLBACK`.
"""

import json
from typing import Any

from tests.origin.exchange import Exchange
from tests.origin.faults import fault

FALLBACK = b'<p role="status">The origin is away.</p>'
STYLE = b".origin { color: inherit }"
MORE_STYLE = b".more { color: inherit }"
_JSON = (("Content-Type", "application/json"),)


def manifest(version: str = "1.0.0", **extension: Any) -> dict[str, Any]:
    """A Podium manifest; `extension` goes under `mullion`."""
    return {
        "name": "origin",
        "version": version,
        "content": "/",
        "fallback": "/fallback",
        "css": [{"value": "/style.css", "type": "text/css"}],
        "js": [],
        "proxy": {"form": "/form"},
        **({"mullion": extension} if extension else {}),
    }


@fault("odd-manifest", arguments=("malformed", "missing-name", "wrong-type", "too-large", "later-contract", "changing"))
async def odd_manifest(exchange: Exchange) -> None:
    """A manifest that is no JSON, lacks or mistypes a field, is huge, follows a later contract, or always differs."""
    odd: dict[str, bytes] = {
        "malformed": b'{"name": "origin", ',
        "missing-name": _without("name"),
        "wrong-type": json.dumps({**manifest(), "css": "style.css"}).encode(),
        "too-large": json.dumps({**manifest(), "owner": "x" * 100_000}).encode(),
        "later-contract": json.dumps(manifest(contract=2)).encode(),
        "changing": json.dumps(manifest(version=f"1.0.{exchange.number}")).encode(),
    }
    await exchange.answer(200, _JSON, odd[exchange.argument])


def _without(field: str) -> bytes:
    return json.dumps({name: value for name, value in manifest().items() if name != field}).encode()
