"""A player's account."""

import secrets

from django.contrib.auth.models import AbstractUser
from django.db import models


def new_player_id() -> str:
    """An id that says nothing about the player and is never used again."""
    return f"pl_{secrets.token_hex(8)}"


class Player(AbstractUser):
    """`player_id` is what every other house knows a player by; the user name never leaves the shell."""

    player_id = models.CharField(max_length=64, unique=True, default=new_player_id)
    currency = models.CharField(max_length=3, default="EUR")

    def __str__(self) -> str:
        return self.username
