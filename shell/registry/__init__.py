"""Which release of each fragment is live: publishing, stored copies, and the snapshot that pages are made from."""
