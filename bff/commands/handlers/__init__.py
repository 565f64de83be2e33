"""The money commands of players: one module and one row of `table.py` each."""
