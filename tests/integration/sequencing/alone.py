"""One sequencer in a process of its own, to be killed: ``python -m … FILE`` with pickled chains."""

import asyncio
import pickle
import sys
from pathlib import Path

from control_plane.adapters.engine.building import builder_of
from control_plane.adapters.evm.rpc import connect
from control_plane.agents.engine_sequencer import EngineSequencer
from tests.integration.sequencing.lab import CONTRACTS


def main(file: str) -> None:
    chain, l1 = pickle.loads(Path(file).read_bytes())
    agent = EngineSequencer(chain, l1, connect, builder_of(chain, CONTRACTS))
    asyncio.run(agent.run())


if __name__ == "__main__":
    main(sys.argv[1])
