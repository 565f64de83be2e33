"""The catalogue of games: search, filters, favourites, what was played lately."""
