// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {Test} from "forge-std/Test.sol";
import {StateVerifier} from "../../src/metalayer/StateVerifier.sol";
import {IAggregateRootIsm} from "../../src/metalayer/interfaces/IAggregateRootIsm.sol";
import {
    Attested,
    IStateVerifier,
    ProvenSlot,
    StateProof
} from "../../src/metalayer/interfaces/IStateVerifier.sol";
import {MockRootVerifier} from "../mocks/MockRootVerifier.sol";

/// @notice State proofs over tries of another implementation: tests/vectors/state.json.
contract StateVerifierTest is Test {
    StateVerifier private verifier;
    MockRootVerifier private roots;
    string private json;
    uint64 private epoch;

    function setUp() public {
        json = vm.readFile("../tests/vectors/state.json");
        epoch = uint64(vm.parseJsonUint(json, ".epoch"));
        roots = new MockRootVerifier();
        verifier = new StateVerifier(address(roots));
    }

    function test_verifyStorage_givesEveryValue() public {
        uint256 i = 0;
        for (; vm.keyExistsJson(json, _at(i, "")); ++i) {
            StateProof memory proof = _load(i);
            (Attested memory attested, bytes32[] memory values) = verifier.verifyStorage(proof);
            assertEq(attested.epoch, epoch);
            assertEq(attested.domain, 901);
            assertEq(attested.blockNumber, 7);
            assertEq(attested.finality, 0);
            assertEq(attested.stateRoot, vm.parseJsonBytes32(json, _at(i, ".stateRoot")));
            assertEq(values, vm.parseJsonBytes32Array(json, _at(i, ".values")));
        }
        assertGt(i, 5);
    }

    function test_verifyLeaf_refusesTrailingBytes() public {
        bytes memory leaf = _load(0).leaf;
        vm.expectRevert(
            abi.encodeWithSelector(
                IAggregateRootIsm.MetadataLength.selector, leaf.length, leaf.length + 1
            )
        );
        verifier.verifyLeaf(bytes.concat(leaf, hex"00"));
    }

    function test_verifyLeaf_refusesUnknownEpoch() public {
        bytes memory leaf = _load(0).leaf;
        roots.certify(epoch, 0);
        vm.expectRevert(abi.encodeWithSelector(IAggregateRootIsm.UnknownEpoch.selector, epoch));
        verifier.verifyLeaf(leaf);
    }

    /// @dev Whatever byte of the leaf or its paths is changed, no other state root passes.
    function testFuzz_verifyLeaf_refusesAnyOtherLeaf(uint256 offset, uint8 change) public {
        bytes memory leaf = _load(0).leaf;
        // not version, epoch and message index, of which the root says nothing
        offset = bound(offset, 9, leaf.length - 1);
        vm.assume(change != 0 && (offset < 123 || offset > 126));
        leaf[offset] = bytes1(uint8(leaf[offset]) ^ change);
        vm.expectRevert();
        verifier.verifyLeaf(leaf);
    }

    /// @dev Whatever byte of a node is changed, the proof is refused.
    function testFuzz_verifyStorage_refusesAnyOtherNode(uint256 which, uint256 offset, uint8 change)
        public
    {
        vm.assume(change != 0);
        StateProof memory proof = _load(2);
        bytes memory node = proof.nodes[which % proof.nodes.length];
        offset = offset % node.length;
        node[offset] = bytes1(uint8(node[offset]) ^ change);
        vm.expectPartialRevert(IStateVerifier.InvalidTrieProof.selector);
        verifier.verifyStorage(proof);
    }

    function test_verifyStorage_refusesAnotherSlotsPath() public {
        StateProof memory proof = _load(2);
        ProvenSlot[] memory slots = proof.slots;
        (slots[0].path, slots[2].path) = (slots[2].path, slots[0].path);
        vm.expectPartialRevert(IStateVerifier.InvalidTrieProof.selector);
        verifier.verifyStorage(proof);
    }

    function test_verifyStorage_refusesShortAndLongPaths() public {
        StateProof memory proof = _load(2);
        ProvenSlot memory slot = proof.slots[0];
        bytes memory whole = slot.path;
        bytes memory short = new bytes(whole.length - 2);
        for (uint256 i = 0; i < short.length; ++i) {
            short[i] = whole[i];
        }
        bytes[4] memory wrong = [short, bytes.concat(whole, hex"0000"), hex"00", bytes("")];
        for (uint256 i = 0; i < wrong.length; ++i) {
            slot.path = wrong[i];
            vm.expectPartialRevert(IStateVerifier.InvalidTrieProof.selector);
            verifier.verifyStorage(proof);
        }
    }

    function test_verifyStorage_refusesPositionsBeyondTheNodes() public {
        StateProof memory proof = _load(0);
        proof.accounts[0].path = hex"ffff";
        vm.expectPartialRevert(IStateVerifier.InvalidTrieProof.selector);
        verifier.verifyStorage(proof);
    }

    function test_verifyStorage_refusesAnAccountThatIsNotThere() public {
        StateProof memory proof = _load(0);
        address stranger = makeAddr("stranger");
        proof.accounts[0].account = stranger;
        // the path leads elsewhere, or shows that there is none: both name what is wrong
        try verifier.verifyStorage(proof) {
            fail();
        } catch (bytes memory reason) {
            bytes4 selector = bytes4(reason);
            assertTrue(
                selector == IStateVerifier.AccountNotFound.selector
                    || selector == IStateVerifier.InvalidTrieProof.selector
            );
        }
    }

    function test_gas_reads() public {
        StateProof memory proof = _load(2);
        verifier.verifyStorage(proof);
        emit log_named_uint("four slots of one account", vm.lastCallGas().gasTotalUsed);
        verifier.verifyLeaf(proof.leaf);
        emit log_named_uint("leaf", vm.lastCallGas().gasTotalUsed);
        proof = _load(0);
        verifier.verifyStorage(proof);
        emit log_named_uint("one slot", vm.lastCallGas().gasTotalUsed);
    }

    function _load(uint256 i) private returns (StateProof memory) {
        roots.certify(epoch, vm.parseJsonBytes32(json, _at(i, ".aggregateRoot")));
        return abi.decode(vm.parseJsonBytes(json, _at(i, ".proof")), (StateProof));
    }

    function _at(uint256 i, string memory field) private pure returns (string memory) {
        return string.concat(".proofs[", vm.toString(i), "]", field);
    }
}
