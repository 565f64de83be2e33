"""Password hashing: Argon2id at the cost that OWASP names for one thread, below the priority of everything else.

Public: `Argon2`, `HASHES_MAX`.
Django's own numbers ask for eight threads and 100 MiB a hash, which is a flood's work for every honest sign-in.
"""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

from django.contrib.auth.hashers import Argon2PasswordHasher

# So many at once in a process: half of its cores.
HASHES_MAX = max(1, (os.cpu_count() or 2) // 2)
_NICE = 10


def _lower_priority() -> None:
    if hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


# Nothing else runs in these threads: one of low priority that held the interpreter would slow down all others.
_threads = ThreadPoolExecutor(HASHES_MAX, thread_name_prefix="argon2", initializer=_lower_priority)


class Argon2(Argon2PasswordHasher):
    """19 MiB (in KiB) and two passes: some 20 ms of one core."""

    time_cost = 2
    memory_cost = 19_456
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        return _threads.submit(super().encode, password, salt).result()

    def verify(self, password: str, encoded: str) -> bool:
        return _threads.submit(super().verify, password, encoded).result()
