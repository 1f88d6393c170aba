"""The database behind ``control_plane/domain/ports/store.py``."""
