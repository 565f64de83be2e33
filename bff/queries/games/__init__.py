"""The catalogue of games in the process: an index that follows the query store, and what is found in it."""
