"""What is found in a release before it is anybody's: by `fragment check` for its team, and by every publish."""
