// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {
    OwnableUpgradeable
} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {Test} from "forge-std/Test.sol";
import {BatchInbox} from "../../src/settlement/BatchInbox.sol";
import {IBatchInbox} from "../../src/settlement/interfaces/IBatchInbox.sol";

contract BatchInboxTest is Test {
    uint256 internal constant ROLLUP = 901;
    BatchInbox internal inbox;
    address internal batcher = makeAddr("batcher");

    function setUp() public {
        bytes memory call = abi.encodeCall(BatchInbox.initialize, (address(this)));
        inbox = BatchInbox(address(new ERC1967Proxy(address(new BatchInbox()), call)));
        inbox.setBatcher(ROLLUP, batcher);
        vm.startPrank(batcher);
    }

    function test_setBatcher_isTheOwnersAlone() public {
        vm.expectRevert(
            abi.encodeWithSelector(OwnableUpgradeable.OwnableUnauthorizedAccount.selector, batcher)
        );
        inbox.setBatcher(902, batcher);
    }

    function test_setBatcher_refusesNobody() public {
        vm.stopPrank();
        vm.expectRevert(IBatchInbox.BatcherZero.selector);
        inbox.setBatcher(902, address(0));
    }

    function test_setBatcher_keepsWhatWasPosted() public {
        inbox.append(ROLLUP, 1, 5, 0, true, "x");
        vm.stopPrank();
        address other = makeAddr("other");
        inbox.setBatcher(ROLLUP, other);
        assertEq(inbox.rollup(ROLLUP).nextBlock, 6);
        vm.prank(other);
        inbox.append(ROLLUP, 6, 6, 0, true, "y");
        assertEq(inbox.rollup(ROLLUP).channels, 2);
    }

    /// @dev What an account with code posts is no transaction's own calldata, so nobody would find it.
    function test_append_refusesAccountsWithCode() public {
        vm.etch(batcher, abi.encodePacked(hex"ef0100", address(this))); // EIP-7702's delegation
        bytes memory hasCode = abi.encodeWithSelector(IBatchInbox.BatcherHasCode.selector, batcher);
        vm.expectRevert(hasCode);
        inbox.append(ROLLUP, 1, 5, 0, true, "x");
        vm.expectRevert(hasCode);
        inbox.appendCommitment(ROLLUP, 1, 5, 0, true, "x");
        vm.etch(batcher, "");
        inbox.append(ROLLUP, 1, 5, 0, true, "x");
    }

    function test_append_countsAndCommits() public {
        vm.expectEmit();
        emit IBatchInbox.FramePosted(ROLLUP, 0, 0, 1, 3, true, keccak256("data"));
        inbox.append(ROLLUP, 1, 3, 0, true, "data");
        IBatchInbox.Rollup memory found = inbox.rollup(ROLLUP);
        assertEq(found.nextBlock, 4);
        assertEq(found.channels, 1);
        bytes32 open = keccak256(abi.encode(bytes32(0), keccak256("data")));
        assertEq(found.accumulator, keccak256(abi.encode(bytes32(0), uint64(1), uint64(3), open)));
    }

    function test_append_inFramesIsOneChannel() public {
        inbox.append(ROLLUP, 1, 9, 0, false, "a");
        assertEq(inbox.rollup(ROLLUP).nextBlock, 1);
        inbox.append(ROLLUP, 1, 9, 1, false, "b");
        inbox.append(ROLLUP, 1, 9, 2, true, "c");
        IBatchInbox.Rollup memory found = inbox.rollup(ROLLUP);
        assertEq(found.nextBlock, 10);
        bytes32 open = keccak256(abi.encode(bytes32(0), keccak256("a")));
        open = keccak256(abi.encode(open, keccak256("b")));
        open = keccak256(abi.encode(open, keccak256("c")));
        assertEq(found.accumulator, keccak256(abi.encode(bytes32(0), uint64(1), uint64(9), open)));
    }

    function test_append_beginsAChannelAnew() public {
        inbox.append(ROLLUP, 1, 9, 0, false, "a");
        inbox.append(ROLLUP, 1, 4, 0, true, "other");
        bytes32 open = keccak256(abi.encode(bytes32(0), keccak256("other")));
        bytes32 expected = keccak256(abi.encode(bytes32(0), uint64(1), uint64(4), open));
        assertEq(inbox.rollup(ROLLUP).accumulator, expected);
    }

    function test_append_isTheBatchersAlone() public {
        vm.stopPrank();
        vm.expectRevert(
            abi.encodeWithSelector(IBatchInbox.NotBatcher.selector, ROLLUP, address(this), batcher)
        );
        inbox.append(ROLLUP, 1, 1, 0, true, "x");
    }

    function test_append_refusesAnUnknownRollup() public {
        vm.expectRevert(
            abi.encodeWithSelector(IBatchInbox.NotBatcher.selector, 7, batcher, address(0))
        );
        inbox.append(7, 0, 0, 0, true, "x");
    }

    function testFuzz_append_refusesGapsAndRepetitions(uint64 first) public {
        inbox.append(ROLLUP, 1, 10, 0, true, "x");
        vm.assume(first != 11);
        vm.expectRevert(
            abi.encodeWithSelector(IBatchInbox.UnexpectedBlock.selector, first, uint64(11))
        );
        inbox.append(ROLLUP, first, type(uint64).max, 0, true, "x");
    }

    function test_append_refusesAFrameOutOfOrder() public {
        inbox.append(ROLLUP, 1, 9, 0, false, "a");
        vm.expectRevert(abi.encodeWithSelector(IBatchInbox.UnexpectedFrame.selector, 2, 1));
        inbox.append(ROLLUP, 1, 9, 2, true, "c");
    }

    function test_append_refusesOtherBlocksWithinAChannel() public {
        inbox.append(ROLLUP, 1, 9, 0, false, "a");
        vm.expectRevert(abi.encodeWithSelector(IBatchInbox.BlocksDiffer.selector, 8, 9));
        inbox.append(ROLLUP, 1, 8, 1, true, "b");
    }

    function test_append_refusesNothing() public {
        vm.expectRevert(IBatchInbox.NothingPosted.selector);
        inbox.append(ROLLUP, 1, 0, 0, true, "x");
        vm.expectRevert(IBatchInbox.NothingPosted.selector);
        inbox.append(ROLLUP, 1, 1, 0, true, "");
    }

    /// @dev However blocks are cut into channels and frames, each is posted once.
    function testFuzz_append_leavesNoGap(uint8[] calldata sizes) public {
        uint64 next = 1;
        for (uint256 i = 0; i < sizes.length && i < 20; ++i) {
            uint64 last = next + sizes[i];
            for (uint16 frame = 0; frame <= sizes[i] % 3; ++frame) {
                inbox.append(ROLLUP, next, last, frame, frame == sizes[i] % 3, "x");
            }
            next = last + 1;
            assertEq(inbox.rollup(ROLLUP).nextBlock, next);
        }
    }

    function test_commitment_isTheAccumulatorAfterEachChannel() public {
        inbox.append(ROLLUP, 1, 3, 0, true, "x");
        bytes32 first = inbox.rollup(ROLLUP).accumulator;
        inbox.append(ROLLUP, 4, 9, 0, false, "y");
        assertEq(inbox.commitment(ROLLUP, 9), 0);
        inbox.append(ROLLUP, 4, 9, 1, true, "z");
        assertEq(inbox.commitment(ROLLUP, 3), first);
        assertEq(inbox.commitment(ROLLUP, 9), inbox.rollup(ROLLUP).accumulator);
        assertEq(inbox.commitment(ROLLUP, 4), 0);
        assertEq(inbox.commitment(902, 3), 0);
    }

    function test_appendBlobs_commitsToTheBlobsOfTheTransaction() public {
        bytes32[] memory hashes = new bytes32[](2);
        (hashes[0], hashes[1]) = (bytes32(uint256(1) << 248), bytes32(uint256(1) << 248 | 7));
        vm.blobhashes(hashes);
        bytes32 dataHash = keccak256(abi.encodePacked(hashes));
        vm.expectEmit();
        emit IBatchInbox.FramePosted(ROLLUP, 0, 0, 1, 3, true, dataHash);
        inbox.appendBlobs(ROLLUP, 1, 3, 0, true);
        bytes32 open = keccak256(abi.encode(bytes32(0), dataHash, uint256(1)));
        bytes32 expected = keccak256(abi.encode(bytes32(0), uint64(1), uint64(3), open));
        assertEq(inbox.commitment(ROLLUP, 3), expected);
    }

    function test_appendBlobs_refusesATransactionWithoutBlobs() public {
        vm.expectRevert(IBatchInbox.NothingPosted.selector);
        inbox.appendBlobs(ROLLUP, 1, 3, 0, true);
    }

    function test_appendBlobs_isTheBatchersAlone() public {
        vm.blobhashes(_oneHash());
        vm.stopPrank();
        vm.expectRevert(
            abi.encodeWithSelector(IBatchInbox.NotBatcher.selector, ROLLUP, address(this), batcher)
        );
        inbox.appendBlobs(ROLLUP, 1, 3, 0, true);
    }

    function test_appendCommitment_isTheBatchersAlone() public {
        vm.stopPrank();
        vm.expectRevert(
            abi.encodeWithSelector(IBatchInbox.NotBatcher.selector, ROLLUP, address(this), batcher)
        );
        inbox.appendCommitment(ROLLUP, 1, 3, 0, true, "x");
    }

    function test_appendCommitment_refusesNothing() public {
        vm.expectRevert(IBatchInbox.NothingPosted.selector);
        inbox.appendCommitment(ROLLUP, 1, 3, 0, true, "");
    }

    function testFuzz_appendCommitment_isNoCalldata(bytes calldata data) public {
        vm.assume(data.length > 0);
        inbox.appendCommitment(ROLLUP, 1, 3, 0, true, data);
        bytes32 open = keccak256(abi.encode(bytes32(0), keccak256(data), uint256(2)));
        bytes32 expected = keccak256(abi.encode(bytes32(0), uint64(1), uint64(3), open));
        assertEq(inbox.commitment(ROLLUP, 3), expected);

        vm.stopPrank();
        inbox.setBatcher(902, batcher);
        vm.prank(batcher);
        inbox.append(902, 1, 3, 0, true, data);
        assertNotEq(inbox.commitment(902, 3), expected);
    }

    function test_append_mixesKindsWithinAChannel() public {
        vm.blobhashes(_oneHash());
        inbox.append(ROLLUP, 1, 9, 0, false, "a");
        inbox.appendBlobs(ROLLUP, 1, 9, 1, false);
        inbox.appendCommitment(ROLLUP, 1, 9, 2, true, "c");
        bytes32 open = keccak256(abi.encode(bytes32(0), keccak256("a")));
        open = keccak256(abi.encode(open, keccak256(abi.encodePacked(_oneHash())), uint256(1)));
        open = keccak256(abi.encode(open, keccak256("c"), uint256(2)));
        bytes32 expected = keccak256(abi.encode(bytes32(0), uint64(1), uint64(9), open));
        assertEq(inbox.commitment(ROLLUP, 9), expected);
    }

    function _oneHash() private pure returns (bytes32[] memory hashes) {
        hashes = new bytes32[](1);
        hashes[0] = bytes32(uint256(1) << 248 | 5);
    }
}
