"""What every part of the house stands on: its numbers, its threads, its statements and its database backends.

It knows nothing of money: no model is imported here.
"""
