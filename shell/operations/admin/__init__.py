"""Django's admin for operators: a process of its own, reachable from the internal network only; the shell's process has
none of it.
"""
