"""Bonuses: granted on an offer's terms, converted to real money once wagered, taken back when they expire."""
