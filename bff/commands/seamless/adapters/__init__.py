"""One adapter a protocol of game providers."""
