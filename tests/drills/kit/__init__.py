"""What a QA team installs by itself: drill files and their loader, the fault proxy's client, the pytest plugin."""
