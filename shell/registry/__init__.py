"""Which release of each fragment is live: publishing, the stored copies, and the snapshot that pages are composed from."""
