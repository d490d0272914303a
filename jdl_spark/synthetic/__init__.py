"""A synthetic nation, as messy as the real one. For demonstrations and tests only."""
