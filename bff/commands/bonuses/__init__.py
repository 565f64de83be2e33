"""Bonuses: given on an offer's terms, staked until they are real money, taken back when their time is over."""
