// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {AggregateRootIsm} from "../../src/metalayer/AggregateRootIsm.sol";
import {BatchProcessor} from "../../src/metalayer/BatchProcessor.sol";
import {RootVerifier} from "../../src/metalayer/RootVerifier.sol";
import {IBatchProcessor} from "../../src/metalayer/interfaces/IBatchProcessor.sol";
import {
    AbsentMember,
    Certificate,
    EpochHeader,
    GuardianSet
} from "../../src/metalayer/interfaces/IRootVerifier.sol";
import {MultisigPerMessage} from "../mocks/MultisigPerMessage.sol";
import {AnyRecipient} from "../mocks/Recipients.sol";
import {Epochs} from "../utils/Epochs.sol";
import {GuardianFixture} from "../utils/GuardianFixture.sol";
import {MetalayerTest} from "../utils/MetalayerTest.sol";
import {Trees} from "../utils/Trees.sol";

contract StillRecipient is AnyRecipient {
    function _onMessage(uint32, bytes32, bytes calldata) internal pure override {}
}

/// @notice Gas of the checks alone, without the delivery around them.
contract Checks {
    function multisig(MultisigPerMessage ism, bytes calldata metadata, bytes calldata message)
        external
        view
        returns (uint256)
    {
        uint256 before = gasleft();
        ism.verify(metadata, message);
        return before - gasleft();
    }

    function shared(
        RootVerifier verifier,
        Certificate calldata certificate,
        AggregateRootIsm ism,
        bytes calldata proof,
        bytes32[] calldata ids,
        bytes[] calldata messages
    ) external returns (uint256 gas) {
        uint256 before = gasleft();
        verifier.submit(certificate);
        ism.prove(proof, ids);
        gas = before - gasleft();
        for (uint256 i = 0; i < messages.length; ++i) {
            before = gasleft();
            ism.verify(hex"02", messages[i]);
            gas += before - gasleft();
        }
    }
}

/// @notice What a batch of a hundred consecutive messages costs and weighs, certificate included, and
/// what the same messages would by themselves. 32 guardians, all present; 32-byte bodies; every call
/// is a transaction of its own. `make bench` reads the logs.
/// forge-config: default.isolate = true
contract BatchGasTest is MetalayerTest, GuardianFixture {
    uint32 internal constant BATCH = 100;
    uint256 internal constant SIGNERS = 22;

    RootVerifier internal verifier;
    AggregateRootIsm internal ism;
    BatchProcessor internal batch;
    StillRecipient internal still;
    // encoded: the compiler copies no such arrays to storage
    bytes internal certificate;
    bytes[] internal messages;

    function setUp() public override {
        super.setUp();
        verifier = deployVerifier();
        ism = AggregateRootIsm(
            _proxy(
                address(new AggregateRootIsm(address(verifier))),
                abi.encodeCall(AggregateRootIsm.initialize, (governor))
            )
        );
        vm.prank(governor);
        there.mailbox.setDefaultIsm(address(ism));
        batch = new BatchProcessor(address(there.mailbox), address(verifier));
        still = new StillRecipient();
        // messages before and after those of the batch: the path is not empty
        for (uint256 i = 0; i < 30 + BATCH + 20; ++i) {
            bytes memory message = _send(address(still), abi.encode(keccak256(abi.encode(i))));
            if (i >= 30 && i < 30 + BATCH) messages.push(message);
        }
        certificate = abi.encode(_certified());
    }

    function test_gas_messageInABatchOfAHundred() public {
        batch.processGroups(_certificates(), _groups(), new IBatchProcessor.Item[](0));
        uint256 used = vm.lastCallGas().gasTotalUsed;
        for (uint256 i = 0; i < BATCH; ++i) {
            assertTrue(there.mailbox.delivered(ids[30 + i]));
        }
        uint256 own = _recipientsOwn();
        emit log_named_uint("delivered message", used / BATCH - own);
        emit log_named_uint("recipient", own);
        assertLe(used / BATCH - own, 40_000);
    }

    function test_gas_loneMessage() public {
        IBatchProcessor.Item[] memory items = new IBatchProcessor.Item[](1);
        items[0] =
            IBatchProcessor.Item(200_000, Epochs.metadata(1, _leaves(), 1, ids, 30), messages[0]);
        batch.processBatch(_certificates(), items);
        uint256 withCertificate = vm.lastCallGas().gasTotalUsed;
        there.mailbox.process(Epochs.metadata(1, _leaves(), 1, ids, 31), messages[1]);
        uint256 alone = vm.lastCallGas().gasTotalUsed;
        uint256 own = _recipientsOwn();
        emit log_named_uint("lone message", alone - own);
        emit log_named_uint("lone message with its certificate", withCertificate - own);
        assertLe(alone - own, 98_000);
    }

    function test_gas_proofsAgainstOnePerMessage() public {
        bytes memory proof = Epochs.multiProof(1, _leaves(), 1, ids, _indices());
        uint256 size = (certificate.length + proof.length) / BATCH + 1;
        Checks checks = new Checks();
        uint256 gas = checks.shared(verifier, _certificates()[0], ism, proof, _batchIds(), messages);
        gas += _calldata(certificate) + _calldata(proof) + 16 * uint256(BATCH);
        gas /= BATCH;

        (MultisigPerMessage multisig, bytes memory metadata) = _multisig();
        uint256 alone = checks.multisig(multisig, metadata, messages[0]) + _calldata(metadata);
        emit log_named_uint("shared proof, bytes a message", size);
        emit log_named_uint("separate proof, bytes", metadata.length);
        emit log_named_uint("shared proof, gas a message", gas);
        emit log_named_uint("separate proof, gas", alone);
        assertGe(metadata.length, 20 * size);
        assertLe(10 * gas, alone);
    }

    function _certified() private returns (Certificate memory) {
        AbsentMember[] memory members = membersOf(equalStakes(32));
        GuardianSet memory set = setOf(1, members);
        vm.prank(OWNER);
        verifier.install(NETWORK, set);
        EpochHeader memory header = headerOf(1, 1);
        header.aggregateRoot = Epochs.aggregateRoot(_leaves());
        return certify(header, members, 0);
    }

    function _certificates() private view returns (Certificate[] memory certificates) {
        certificates = new Certificate[](1);
        certificates[0] = abi.decode(certificate, (Certificate));
    }

    function _indices() private pure returns (uint256[] memory indices) {
        indices = new uint256[](BATCH);
        for (uint256 i = 0; i < BATCH; ++i) {
            indices[i] = 30 + i;
        }
    }

    function _batchIds() private view returns (bytes32[] memory batchIds) {
        batchIds = new bytes32[](BATCH);
        for (uint256 i = 0; i < BATCH; ++i) {
            batchIds[i] = ids[30 + i];
        }
    }

    function _groups() private view returns (IBatchProcessor.Group[] memory groups) {
        groups = new IBatchProcessor.Group[](1);
        groups[0].module = ism;
        groups[0].proof = Epochs.multiProof(1, _leaves(), 1, ids, _indices());
        groups[0].gasLimit = 120_000;
        groups[0].messages = messages;
    }

    /// @dev What the recipient's code uses, the call not counted.
    function _recipientsOwn() private returns (uint256) {
        vm.prank(address(there.mailbox));
        still.handle(HERE, bytes32(0), abi.encode(uint256(0)));
        bytes memory call = abi.encodeWithSignature(
            "handle(uint32,bytes32,bytes)", HERE, 0, abi.encode(uint256(0))
        );
        return vm.lastCallGas().gasTotalUsed - 21_000 - _calldata(call);
    }

    /// @dev Signatures of 22 of 32 validators, more than two thirds.
    function _multisig() private returns (MultisigPerMessage ism_, bytes memory metadata) {
        address[] memory validators = new address[](32);
        for (uint256 i = 0; i < 32; ++i) {
            validators[i] = vm.addr(1000 + i);
        }
        ism_ = new MultisigPerMessage(validators, SIGNERS);
        metadata = abi.encodePacked(
            bytes32(uint256(uint160(address(here.tree)))),
            uint32(30),
            ids[ids.length - 1],
            _fullPath(30),
            uint32(ids.length - 1)
        );
        bytes32 digest = ism_.digestOf(metadata, HERE, ids[30]);
        for (uint256 i = 0; i < SIGNERS; ++i) {
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(1000 + i, digest);
            metadata = bytes.concat(metadata, abi.encodePacked(r, s, v));
        }
    }

    /// @dev All 32 siblings, the empty ones too.
    function _fullPath(uint256 index) private view returns (bytes memory path) {
        bytes memory short = Trees.messagePath(ids, index);
        bytes32 empty = 0;
        uint256 used = 0;
        for (uint256 height = 0; height < 32; ++height) {
            if ((index >> height ^ 1) << height >= ids.length) {
                path = bytes.concat(path, empty);
            } else {
                for (uint256 i = 0; i < 32; ++i) {
                    path = bytes.concat(path, short[used++]);
                }
            }
            empty = keccak256(abi.encode(empty, empty));
        }
    }

    function _calldata(bytes memory data) private pure returns (uint256 gas) {
        for (uint256 i = 0; i < data.length; ++i) {
            gas += data[i] == 0 ? 4 : 16;
        }
    }
}
