"""`manage.py up`: every house of this repository as its own processes, on one machine, with one command.

It finds houses by their `house.toml` and knows none by name. `plan` decides without I/O; `run` does.
Nothing in here imports Django: the supervisor stays small and starts at once.
"""
