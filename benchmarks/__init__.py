"""Measurements of a whole installation, through its public surface only."""
