// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FinalizedIsm} from "../../src/metalayer/FinalizedIsm.sol";
import {TestRecipient} from "../../src/metalayer/TestRecipient.sol";
import {IAggregateRootIsm} from "../../src/metalayer/interfaces/IAggregateRootIsm.sol";
import {IFinalizedIsm} from "../../src/metalayer/interfaces/IFinalizedIsm.sol";
import {
    IInterchainSecurityModule,
    ISpecifiesInterchainSecurityModule
} from "../../src/metalayer/interfaces/IInterchainSecurityModule.sol";
import {Leaf} from "../../src/metalayer/libs/Leaf.sol";
import {Epochs} from "../utils/Epochs.sol";
import {MetalayerTest} from "../utils/MetalayerTest.sol";

contract CarefulRecipient is TestRecipient, ISpecifiesInterchainSecurityModule {
    IInterchainSecurityModule public immutable override interchainSecurityModule;

    constructor(address module) {
        interchainSecurityModule = IInterchainSecurityModule(module);
    }
}

    contract FinalizedIsmTest is MetalayerTest {
        FinalizedIsm internal ism;
        CarefulRecipient internal careful;

        function setUp() public override {
            super.setUp();
            ism = new FinalizedIsm(address(there.ism));
            careful = new CarefulRecipient(address(ism));
        }

        function test_process_takesFinalizedLeavesOnly() public {
            bytes memory message = _send(address(careful), "hello");
            _attest();
            bytes memory early = _proof(0);
            vm.expectRevert(
                abi.encodeWithSelector(IFinalizedIsm.NotFinal.selector, keccak256(message))
            );
            there.mailbox.process(early, message);

            there.verifier.certify(++lastEpoch, Epochs.aggregateRoot(_finalLeaves()));
            there.mailbox.process(Epochs.metadata(lastEpoch, _finalLeaves(), 1, ids, 0), message);
            assertEq(careful.lastData(), "hello");
        }

        function test_process_takesSharedProofsOfFinalizedLeavesOnly() public {
            bytes memory message = _send(address(careful), "hello");
            uint256[] memory indices = new uint256[](1);
            _attest();
            there.ism.prove(Epochs.multiProof(lastEpoch, _leaves(), 1, ids, indices), ids);
            vm.expectRevert(
                abi.encodeWithSelector(IFinalizedIsm.NotFinal.selector, keccak256(message))
            );
            there.mailbox.process(hex"02", message);

            there.verifier.certify(++lastEpoch, Epochs.aggregateRoot(_finalLeaves()));
            there.ism.prove(Epochs.multiProof(lastEpoch, _finalLeaves(), 1, ids, indices), ids);
            there.mailbox.process(hex"02", message);
            assertEq(careful.lastData(), "hello");
        }

        /// @dev A leaf whose finality was turned by whoever brings it is not the certified one.
        function test_process_revertsWithInvalidAggregateProof() public {
            bytes memory message = _send(address(careful), "hello");
            _attest();
            bytes memory forged = _proof(0);
            forged[9 + 113] = 0x01;
            vm.expectPartialRevert(IAggregateRootIsm.InvalidAggregateProof.selector);
            there.mailbox.process(forged, message);
        }

        function test_provenFinality_tellsTheLeafs() public {
            bytes memory message = _send(address(careful), "hello");
            _attest();
            assertEq(there.ism.provenFinality(_proof(0), message), Leaf.INSTANT);
            there.verifier.certify(++lastEpoch, Epochs.aggregateRoot(_finalLeaves()));
            bytes memory metadata = Epochs.metadata(lastEpoch, _finalLeaves(), 1, ids, 0);
            assertEq(there.ism.provenFinality(metadata, message), Leaf.FINALIZED);
            assertEq(ism.moduleType(), 0);
            assertEq(address(ism.aggregateRootIsm()), address(there.ism));
        }

        function _finalLeaves() private view returns (Leaf.Data[] memory leaves) {
            leaves = _leaves();
            leaves[1].finality = Leaf.FINALIZED;
        }
    }
