"""`fragment check URL`: what pages would make of a fragment, for its team: no database, no Redis, no keys."""
