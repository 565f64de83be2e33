"""The part that a QA team can install alone: drill files and their loader, the fault proxy's client, the
pytest plugin."""
