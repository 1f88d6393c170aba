"""Apps on a devnet's rollups: what would be done, and doing it."""
