"""The seamless wallet API for game providers, whichever protocol they speak."""
