"""Page -> slots -> include -> contain -> stream. It knows no fragment by name, no domain word and no database."""
