"""The command of who ships a fragment: its verbs, and a shell's registry over HTTP. It stands on httpx alone."""
