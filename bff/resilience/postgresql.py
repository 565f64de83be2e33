"""How soon a client of PostgreSQL gives up on a server, or a network, that says nothing more.

Public: `CONNECTION_LIMITS`. Source: libpq's connection parameters.
"""

from collections.abc import Mapping

# Where the network drops packets, the kernel closes the connection after `tcp_user_timeout` (ms), and an idle one after
# the keepalives (s).
CONNECTION_LIMITS: Mapping[str, int] = {
    "connect_timeout": 2,
    "tcp_user_timeout": 5000,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}
