// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Certificate} from "../../src/metalayer/interfaces/IRootVerifier.sol";
import {IBatchProcessor} from "../../src/metalayer/interfaces/IBatchProcessor.sol";
import {ReadOperation} from "../../src/metalayer/interfaces/IMetalayerRecipient.sol";
import {FinalityState} from "../../src/metalayer/interfaces/IMetalayerRouter.sol";
import {Message} from "../../src/metalayer/libs/Message.sol";
import {AnyRecipient, GasMeterRecipient} from "../mocks/Recipients.sol";
import {Epochs} from "../utils/Epochs.sol";
import {MetalayerTest} from "../utils/MetalayerTest.sol";

contract IdleRecipient is AnyRecipient {
    function _onMessage(uint32, bytes32, bytes calldata) internal pure override {}
}

/// @notice What transactions cost, everything included: each call is a transaction of its own, from cold
/// storage. The bounds leave a little room; a change that needs more should say why. The root verifier's
/// proxy is not counted, nor is its signature check, which has bounds of its own.
/// forge-config: default.isolate = true
contract GasTest is MetalayerTest {
    IdleRecipient internal idle;

    function setUp() public override {
        super.setUp();
        idle = new IdleRecipient();
        for (uint256 i = 0; i < 100; ++i) {
            _send(address(idle), "a body of thirty-one bytes, yes");
        }
        _attest();
    }

    function test_gas_dispatch() public {
        here.mailbox
            .dispatch(THERE, Message.toBytes32(address(idle)), "a body of thirty-one bytes, yes");
        _atMost("dispatch", 108_000);
    }

    function test_gas_routerDispatch() public {
        here.router
            .dispatch(
                THERE,
                address(idle),
                new ReadOperation[](0),
                "a body of thirty-one bytes, yes",
                FinalityState.INSTANT,
                80_000
            );
        _atMost("router dispatch", 126_000);
    }

    function test_gas_process() public {
        bytes memory proof = _proof(63);
        there.mailbox
            .process(proof, _message(63, alice, address(idle), "a body of thirty-one bytes, yes"));
        _atMost("process", 95_000);
    }

    function test_gas_processBatchOfTen() public {
        IBatchProcessor.Item[] memory items = new IBatchProcessor.Item[](10);
        for (uint32 i = 0; i < 10; ++i) {
            items[i] = IBatchProcessor.Item(
                300_000,
                Epochs.metadata(1, _leaves(), 1, ids, i),
                _message(i, alice, address(idle), "a body of thirty-one bytes, yes")
            );
        }
        there.batch.processBatch(new Certificate[](0), items);
        _atMost("batch of ten", 600_000);
    }

    /// @dev What a relayer's item must allow for a router's message to get its whole gas limit: five calls
    /// lie between, each of which keeps 1/64 back.
    function testFuzz_gas_itemForARoutersMessage(uint256 gasLimit) public {
        gasLimit = bound(gasLimit, 0, 20_000_000);
        GasMeterRecipient meter = new GasMeterRecipient();
        bytes memory data = new bytes(1000);
        vm.prank(alice);
        here.router
            .dispatch(
                THERE, address(meter), new ReadOperation[](0), data, FinalityState.INSTANT, gasLimit
            );
        ids.push(here.mailbox.latestDispatchedId());
        _attest();
        if (gasLimit == 0) gasLimit = here.router.DEFAULT_GAS_LIMIT();
        bytes memory body = abi.encode(
            uint8(1),
            uint8(0),
            gasLimit,
            Message.toBytes32(alice),
            Message.toBytes32(address(meter)),
            new ReadOperation[](0),
            data
        );
        IBatchProcessor.Item[] memory items = new IBatchProcessor.Item[](1);
        items[0] = IBatchProcessor.Item(
            gasLimit + gasLimit / 11 + 130_000,
            Epochs.metadata(2, _leaves(), 1, ids, 100),
            _message(100, address(here.router), address(there.router), body)
        );
        there.batch.processBatch(new Certificate[](0), items);
        bool afforded = gasLimit > 30_000;
        assertEq(there.mailbox.delivered(ids[100]), afforded || meter.gasAtEntry() > 0);
        if (afforded) assertGt(meter.gasAtEntry(), gasLimit - 3000);
    }

    function _atMost(string memory what, uint256 bound_) private {
        uint256 used = vm.lastCallGas().gasTotalUsed;
        emit log_named_uint(what, used);
        assertLe(used, bound_, what);
    }
}
