"""State that the processes of one shell share through Redis. Without Redis each process works on its own."""
