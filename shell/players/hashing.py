"""Password hashing: Argon2id at the cost that OWASP names for one thread.

Public: `Argon2`.
Django's own numbers ask for eight threads and 100 MiB a hash, which is a flood's work for every honest sign-in.
"""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2(Argon2PasswordHasher):
    """19 MiB (in KiB) and two passes: some 20 ms of one core."""

    time_cost = 2
    memory_cost = 19_456
    parallelism = 1
