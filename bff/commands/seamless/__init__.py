"""The seamless wallet: what game providers ask for, in the engine's words whichever protocol they speak."""
