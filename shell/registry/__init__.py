"""The registry of releases: publishing, stored copies, and the snapshot that pages are composed from."""
