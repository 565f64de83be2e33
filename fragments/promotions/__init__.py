"""The promotions: the offers that run with their terms, and the claim."""
