"""Stand-ins for data availability services: the same requests and answers, nobody behind them.

Each keeps what it takes in files of its own, can be told to withhold or to corrupt one item, and
is also an OP Stack alt-DA server. Run by ``python -m control_plane.da_server``.
"""
