"""Facts about a person that were true strictly before the index date."""
