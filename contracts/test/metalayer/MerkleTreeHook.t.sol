// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IMerkleTreeHook} from "../../src/metalayer/interfaces/IMerkleTreeHook.sol";
import {IPostDispatchHook} from "../../src/metalayer/interfaces/IPostDispatchHook.sol";
import {MerkleTreeHook} from "../../src/metalayer/MerkleTreeHook.sol";
import {MerkleTree} from "../../src/metalayer/libs/MerkleTree.sol";
import {MetalayerTest} from "../utils/MetalayerTest.sol";
import {Trees} from "../utils/Trees.sol";

contract MerkleTreeHookTest is MetalayerTest {
    bytes32 internal constant RECIPIENT = bytes32(uint256(0xbeef));

    function test_initialize_storesTheEmptyRoot() public {
        assertEq(here.tree.root(), MerkleTree.EMPTY_ROOT);
        assertEq(here.tree.count(), 0);
        assertEq(here.tree.owner(), governor);
        assertEq(address(here.tree.mailbox()), address(here.mailbox));
        assertEq(here.tree.localDomain(), HERE);
        assertEq(here.tree.deployedBlock(), here.mailbox.deployedBlock());
        assertEq(here.tree.hookType(), 3);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        here.tree.initialize(alice);
    }

    /// @dev The slots of docs/formats.md: guardians prove them, whatever the code is.
    function test_storage_isWhatTheFormatSays() public {
        assertEq(_slot(33), Trees.messageRoot(new bytes32[](0)), "empty root");
        for (uint256 i = 1; i <= 40; ++i) {
            _send(address(there.recipient), abi.encode(i));
            assertEq(uint256(_slot(32)), i, "count");
            assertEq(_slot(33), Trees.messageRoot(ids), "root");
            assertEq(_slot(33), here.tree.root());
            bytes32[32] memory branch = here.tree.tree().branch;
            for (uint256 k = 0; k < 32; ++k) {
                assertEq(_slot(k), branch[k], "branch");
            }
        }
        // the branch of 40 = 32 + 8 leaves: complete subtrees of heights 3 and 5
        assertEq(_slot(5), _subtree(0, 32));
        assertEq(_slot(3), _subtree(32, 8));
    }

    function test_postDispatch_emitsIdAndIndex() public {
        _send(address(there.recipient), "first");
        bytes memory message = _message(1, alice, address(0xbeef), "second");
        vm.expectEmit(address(here.tree));
        emit IMerkleTreeHook.InsertedIntoTree(keccak256(message), 1);
        vm.prank(alice);
        here.mailbox.dispatch(THERE, RECIPIENT, "second");

        (bytes32 root, uint32 index) = here.tree.latestCheckpoint();
        assertEq(root, here.tree.root());
        assertEq(index, 1);
        assertEq(here.tree.tree().count, 2);
    }

    function test_postDispatch_insertsOnceWhenNamedTwice() public {
        here.mailbox.dispatch(THERE, RECIPIENT, "x", "", here.tree);
        assertEq(here.tree.count(), 1);
        here.mailbox.dispatch(THERE, RECIPIENT, "x", "", here.tree);
        assertEq(here.tree.count(), 2);
    }

    function test_postDispatch_revertsWithNotMailbox() public {
        bytes memory message = _send(address(there.recipient), "x");
        vm.expectRevert(abi.encodeWithSelector(IMerkleTreeHook.NotMailbox.selector, address(this)));
        here.tree.postDispatch("", message);
    }

    function test_postDispatch_revertsWithNotLatestDispatched() public {
        bytes memory first = _send(address(there.recipient), "first");
        _send(address(there.recipient), "second");
        vm.expectRevert(
            abi.encodeWithSelector(IMerkleTreeHook.NotLatestDispatched.selector, keccak256(first))
        );
        vm.prank(address(here.mailbox));
        here.tree.postDispatch("", first);
    }

    function test_postDispatch_revertsWithNoValueExpected() public {
        vm.deal(address(here.mailbox), 1);
        vm.expectRevert(abi.encodeWithSelector(IMerkleTreeHook.NoValueExpected.selector, 1));
        vm.prank(address(here.mailbox));
        here.tree.postDispatch{value: 1}("", "");
    }

    function test_quoteDispatch_isNothing() public {
        assertEq(here.tree.quoteDispatch("", ""), 0);
        assertTrue(here.tree.supportsMetadata(""));
        assertTrue(here.tree.supportsMetadata(hex"0001"));
        assertFalse(here.tree.supportsMetadata(hex"00"));
        assertFalse(here.tree.supportsMetadata(hex"0100"));
        vm.expectRevert(
            abi.encodeWithSelector(IPostDispatchHook.UnsupportedMetadataVariant.selector, 256)
        );
        here.tree.quoteDispatch(hex"0100", "");
    }

    function test_latestCheckpoint_revertsWithEmptyTree() public {
        vm.expectRevert(IMerkleTreeHook.EmptyTree.selector);
        here.tree.latestCheckpoint();
    }

    function _slot(uint256 slot) private view returns (bytes32) {
        return vm.load(address(here.tree), bytes32(slot));
    }

    /// @dev Root of the complete subtree over `size` message ids from `first` on.
    function _subtree(uint256 first, uint256 size) private view returns (bytes32) {
        if (size == 1) return ids[first];
        return
            keccak256(abi.encode(_subtree(first, size / 2), _subtree(first + size / 2, size / 2)));
    }
}
