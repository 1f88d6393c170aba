"""Slots are seconds, and several blocks may share one."""

from typing import Any

from control_plane.adapters.op_stack.beacon import Answer, Beacon

TIMES = (100, 101, 101, 101, 103, 104)
BLOBS = {1: ["a"], 3: ["b", "c"], 4: []}


class OverList(Beacon):
    def __init__(self) -> None:
        super().__init__("127.0.0.1", 1)
        self.asked: list[str] = []

    async def _call(self, method: str, *params: Any) -> Any:
        if method == "eth_blockNumber":
            return hex(len(TIMES) - 1)
        number = int(params[0], 16)
        return {"timestamp": hex(TIMES[number])} if number < len(TIMES) else None

    async def _get(self, target: str) -> Answer:
        self.asked.append(target)
        number = int(target.partition("?")[0].rpartition("/")[2])
        return (200, {"data": BLOBS[number]}) if number in BLOBS else (404, {})


async def test_all_blocks_of_a_second_are_asked() -> None:
    beacon = OverList()
    status, body = await beacon.answer("/eth/v1/beacon/blobs/1?versioned_hashes=0x01")
    assert (status, body["data"]) == (200, ["a", "b", "c"])
    assert beacon.asked == [
        f"/eth/v1/beacon/blobs/{number}?versioned_hashes=0x01" for number in (1, 2, 3)
    ]


async def test_a_second_without_a_block_has_none() -> None:
    beacon = OverList()
    assert (await beacon.answer("/eth/v1/beacon/blobs/2"))[0] == 404
    assert (await beacon.answer("/eth/v1/beacon/blobs/99"))[0] == 404
    assert (await beacon.answer("/eth/v1/beacon/blob_sidecars/5"))[0] == 404
    status, body = await beacon.answer("/eth/v1/beacon/blobs/3")
    assert (status, body["data"]) == (200, [])


async def test_what_op_node_asks_at_its_start() -> None:
    beacon = OverList()
    assert (await beacon.answer("/eth/v1/beacon/genesis"))[1]["data"]["genesis_time"] == "100"
    assert (await beacon.answer("/eth/v1/config/spec"))[1]["data"]["SECONDS_PER_SLOT"] == "1"
    assert "version" in (await beacon.answer("/eth/v1/node/version"))[1]["data"]
    assert (await beacon.answer("/eth/v1/beacon/states/head"))[0] == 404
    assert (await beacon.answer("/eth/v1/beacon/blobs/head"))[0] == 400
