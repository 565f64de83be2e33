"""The publish gate: checks of a release, run by `fragment check` for its team and by every publish."""
