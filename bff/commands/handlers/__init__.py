"""What players may ask of their money: one module a command, one row of `table.py` each."""
