"""Django's admin for operators: a process of its own that only the inside reaches; nothing of it is in the shell's."""
