"""`fragment check URL` shows a team how pages would treat its fragment; it needs no database, Redis or keys."""
