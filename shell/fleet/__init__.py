"""What the processes of one shell tell each other through Redis. Losing it changes nothing within a process."""
