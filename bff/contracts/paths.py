"""The paths that houses, and what runs them, call each other at.

Public: the names below. Deployments and `house.toml` files write them out; a test holds them to these.
"""

# Of every process, in so far as it has them. A worker's health is 503 while its work can not go on.
HEALTH_PATH = "/healthz"
ALIVE_PATH = "/livez"
READY_PATH = "/readyz"
METRICS_PATH = "/metrics"
OBSERVED_PATHS = frozenset({HEALTH_PATH, ALIVE_PATH, READY_PATH, METRICS_PATH})
# With this query the shell is ready once it serves everything that was published before the request.
REGISTRY_CURRENT = "registry=current"

# Of the BFF: `GET /views/<view>`, `POST /commands/<name>` (see `command_names`), and the WebSocket.
VIEWS_PREFIX = "/views/"
COMMANDS_PREFIX = "/commands/"
LIVE_PATH = "/live"

# Views. The name of one table or receipt follows after a slash.
TABLES_VIEW = "tables"
PROMOTIONS_VIEW = "promotions"
GAMES_VIEW = "games"
WALLET_VIEW = "wallet"
HISTORY_VIEW = "history"
LIMITS_VIEW = "limits"
RECEIPTS_VIEW = "receipts"
