"""Moved: see control_plane/domain/hub.py."""

from control_plane.domain.hub import *  # noqa: F403
