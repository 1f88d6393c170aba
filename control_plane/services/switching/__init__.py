"""Rollups that become others while they run: what is written down of it, and the rules by which
they do so by themselves."""
