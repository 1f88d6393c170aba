"""Where rollups keep their data besides the L1's calldata, each in its service's own words.

Each module holds one client of `control_plane.domain.ports.da` and what that service's formats
need. Nothing here is imported before a devnet has a rollup with such a service.
"""
