"""What a lab's chains and database say."""

from control_plane.domain.formats import Leaf
from control_plane.domain.records import EpochRecord
from control_plane.services.metalayer.leaves import read_leaf
from tests.integration.metalayer.lab import Lab


async def leaf_of(lab: Lab, chain: str) -> Leaf:
    """The true leaf of a chain's head."""
    rpc = lab.nodes[chain].rpc
    assert rpc is not None
    hook = lab.network.contracts["merkleTreeHook"]
    leaf = await read_leaf(rpc, lab.network.chain(chain).domain, hook, None)
    assert leaf is not None
    return leaf


async def epoch_of(lab: Lab, message: str) -> EpochRecord:
    """The epoch that the message was delivered under."""
    record = await lab.record(message)
    assert record is not None
    assert record.epoch is not None
    async with lab.database.begin() as unit:
        epoch = await unit.epochs.get(record.devnet, record.epoch)
    assert epoch is not None
    return epoch
