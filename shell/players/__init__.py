"""Players: accounts, sessions, the signed cookie that the page path reads, and the context that fragments get."""
