"""The wallet: a player's money, and the deposit."""
