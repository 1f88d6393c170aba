// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {
    OwnableUpgradeable
} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {TrieProof} from "@openzeppelin/contracts/utils/cryptography/TrieProof.sol";
import {IL2OutputOracle} from "../../src/settlement/interfaces/IL2OutputOracle.sol";
import {IProofVerifier} from "../../src/settlement/interfaces/IProofVerifier.sol";
import {OutputFixture} from "./OutputFixture.sol";

contract L2OutputOracleTest is OutputFixture {
    function test_propose_keepsWhatTheHeaderSays() public {
        post(3);
        Block memory made = blockAt(3, 0);
        bytes32 blockHash = keccak256(made.header);
        bytes32 root =
            keccak256(abi.encode(uint256(0), made.stateRoot, made.storageRoot, blockHash));
        vm.expectEmit();
        emit IL2OutputOracle.OutputProposed(root, 0, 3, block.timestamp);
        assertEq(propose(3, 0), 0);

        IL2OutputOracle.Output memory found = oracle.output(0);
        assertEq(found.outputRoot, root);
        assertEq(found.blockHash, blockHash);
        assertEq(found.stateRoot, made.stateRoot);
        assertEq(found.messagePasserStorageRoot, made.storageRoot);
        assertEq(found.batchCommitment, inbox.rollup(ROLLUP).accumulator);
        assertEq(found.l2BlockNumber, 3);
        assertEq(found.l2Timestamp, 1_767_225_603);
        assertEq(found.proposedAt, block.timestamp);
        assertEq(found.proposer, proposer);
        assertEq(found.bond, 1 ether);
        assertEq(address(oracle).balance, 1 ether);
    }

    function test_propose_isTheProposersAlone() public {
        post(3);
        Block memory made = blockAt(3, 0);
        vm.expectRevert(
            abi.encodeWithSelector(IL2OutputOracle.NotProposer.selector, address(this), proposer)
        );
        oracle.propose{value: 1 ether}(made.header, made.proof, "");
    }

    function testFuzz_propose_wantsItsBond(uint96 value) public {
        vm.assume(value != 1 ether);
        post(3);
        Block memory made = blockAt(3, 0);
        vm.deal(proposer, value);
        vm.prank(proposer);
        vm.expectRevert(abi.encodeWithSelector(IL2OutputOracle.WrongBond.selector, value, 1 ether));
        oracle.propose{value: value}(made.header, made.proof, "");
    }

    function test_propose_refusesABlockInsideAChannel() public {
        post(3);
        Block memory made = blockAt(2, 0);
        vm.prank(proposer);
        vm.expectRevert(abi.encodeWithSelector(IL2OutputOracle.NotPosted.selector, 2));
        oracle.propose{value: 1 ether}(made.header, made.proof, "");
    }

    function test_propose_refusesTheSameBlockAgain() public {
        settle(3);
        Block memory made = blockAt(3, "other");
        vm.prank(proposer);
        vm.expectRevert(abi.encodeWithSelector(IL2OutputOracle.BlockNotAfter.selector, 3, 3));
        oracle.propose{value: 1 ether}(made.header, made.proof, "");
    }

    function test_propose_refusesTheProofOfAnotherState() public {
        post(3);
        Block memory made = blockAt(3, 0);
        made.proof = blockAt(3, "other").proof;
        vm.prank(proposer);
        vm.expectRevert(
            abi.encodeWithSelector(
                TrieProof.TrieProofTraversalError.selector, TrieProof.ProofError.INVALID_ROOT
            )
        );
        oracle.propose{value: 1 ether}(made.header, made.proof, "");
    }

    /// @dev Whatever a byte is changed to: the block is another one, or there is no proof of it.
    function testFuzz_propose_aForgedHeaderIsAnotherBlock(uint256 position, bytes1 change) public {
        vm.assume(change != 0);
        post(3);
        Block memory made = blockAt(3, 0);
        bytes32 honest = keccak256(made.header);
        position = bound(position, 0, made.header.length - 1);
        made.header[position] = made.header[position] ^ change;
        vm.prank(proposer);
        try oracle.propose{value: 1 ether}(made.header, made.proof, "") returns (uint256 index) {
            assertNotEq(oracle.output(index).blockHash, honest);
            assertEq(oracle.output(index).stateRoot, made.stateRoot);
            assertEq(oracle.output(index).l2BlockNumber, 3);
        } catch {
            assertEq(oracle.nextOutputIndex(), 0);
        }
    }

    function testFuzz_propose_refusesAForgedProof(uint256 position, bytes1 change) public {
        vm.assume(change != 0);
        post(3);
        Block memory made = blockAt(3, 0);
        position = bound(position, 0, made.proof[0].length - 1);
        made.proof[0][position] = made.proof[0][position] ^ change;
        vm.prank(proposer);
        vm.expectRevert();
        oracle.propose{value: 1 ether}(made.header, made.proof, "");
    }

    function test_propose_refusesAShortHeader() public {
        post(3);
        vm.prank(proposer);
        vm.expectRevert(IL2OutputOracle.InvalidHeader.selector);
        oracle.propose{value: 1 ether}(hex"c3010203", new bytes[](0), "");
    }

    function test_propose_waitsForTheGenesis() public {
        oracle = makeOracle(IProofVerifier(address(0)), WINDOW);
        post(3);
        Block memory made = blockAt(3, 0);
        vm.prank(proposer);
        vm.expectRevert(IL2OutputOracle.GenesisUnknown.selector);
        oracle.propose{value: 1 ether}(made.header, made.proof, "");
    }

    function test_setGenesis_isTheOwnersAndOnce() public {
        vm.expectRevert(abi.encodeWithSelector(IL2OutputOracle.GenesisKnown.selector, GENESIS));
        oracle.setGenesis(keccak256("other"), 0);
        vm.prank(proposer);
        vm.expectRevert(
            abi.encodeWithSelector(OwnableUpgradeable.OwnableUnauthorizedAccount.selector, proposer)
        );
        oracle.setGenesis(keccak256("other"), 0);
    }

    function test_initialize_wantsAWindowOrAVerifier() public {
        address code = address(oracle);
        assertEq(oracle.FINALIZATION_PERIOD_SECONDS(), WINDOW);
        assertGt(code.code.length, 0);
        try this.makeAnOracle(IProofVerifier(address(1)), WINDOW) {
            fail();
        } catch (bytes memory reason) {
            assertEq(bytes4(reason), IL2OutputOracle.WindowWithVerifier.selector);
        }
        try this.makeAnOracle(IProofVerifier(address(0)), 0) {
            fail();
        } catch (bytes memory reason) {
            assertEq(bytes4(reason), IL2OutputOracle.WindowWithVerifier.selector);
        }
    }

    function makeAnOracle(IProofVerifier verifier, uint64 window) external {
        makeOracle(verifier, window);
    }

    function test_isFinal_fromTheExactSecondOn() public {
        settle(3);
        uint256 proposed = block.timestamp;
        vm.warp(proposed + WINDOW - 1);
        assertFalse(oracle.isFinal(0));
        (bool found,) = oracle.latestFinalIndex();
        assertFalse(found);
        vm.warp(proposed + WINDOW);
        assertTrue(oracle.isFinal(0));
        (found,) = oracle.latestFinalIndex();
        assertTrue(found);
    }

    function test_lock_isTheGamesAlone() public {
        settle(3);
        bytes memory refused =
            abi.encodeWithSelector(IL2OutputOracle.NotDisputeGame.selector, address(this), game);
        vm.expectRevert(refused);
        oracle.lock(0);
        vm.expectRevert(refused);
        oracle.unlock(0);
        vm.expectRevert(refused);
        oracle.remove(0, address(this));
    }

    function test_lock_refusesAFinalOutput() public {
        settle(3);
        vm.warp(block.timestamp + WINDOW);
        vm.prank(game);
        vm.expectRevert(abi.encodeWithSelector(IL2OutputOracle.AlreadyFinal.selector, 0));
        oracle.lock(0);
    }

    function test_lock_holdsBackItAndAllLater() public {
        settle(1);
        settle(2);
        settle(3);
        vm.prank(game);
        oracle.lock(1);
        vm.warp(block.timestamp + WINDOW);
        assertTrue(oracle.isFinal(0));
        assertFalse(oracle.isFinal(1));
        assertFalse(oracle.isFinal(2));
        (, uint256 last) = oracle.latestFinalIndex();
        assertEq(last, 0);
        vm.prank(game);
        oracle.unlock(1);
        assertTrue(oracle.isFinal(2));
    }

    function test_unlock_waitsForTheLastDispute() public {
        settle(1);
        vm.startPrank(game);
        oracle.lock(0);
        oracle.lock(0);
        vm.warp(block.timestamp + WINDOW);
        oracle.unlock(0);
        assertEq(oracle.locks(0), 1);
        assertFalse(oracle.isFinal(0));
        oracle.unlock(0);
        assertTrue(oracle.isFinal(0));
        vm.expectRevert(abi.encodeWithSelector(IL2OutputOracle.NotLocked.selector, 0));
        oracle.unlock(0);
    }

    function test_remove_takesAllLaterAndTheirBonds() public {
        settle(1);
        settle(2);
        settle(3);
        address winner = makeAddr("winner");
        vm.startPrank(game);
        oracle.lock(1);
        oracle.lock(2);
        vm.expectEmit();
        emit IL2OutputOracle.OutputsDeleted(3, 1);
        oracle.remove(1, winner);
        vm.stopPrank();
        assertEq(winner.balance, 2 ether);
        assertEq(oracle.nextOutputIndex(), 1);
        assertEq(oracle.latestBlockNumber(), 1);
        vm.expectRevert(abi.encodeWithSelector(IL2OutputOracle.NoSuchOutput.selector, 1, 1));
        oracle.output(1);

        // another one in its place is not held by disputes over the one that is gone
        assertEq(propose(3, 0), 1);
        assertEq(oracle.output(1).serial, 3);
        assertEq(oracle.locks(1), 0);
        vm.warp(block.timestamp + WINDOW);
        assertTrue(oracle.isFinal(1));
    }

    function test_remove_wantsALock() public {
        settle(1);
        vm.prank(game);
        vm.expectRevert(abi.encodeWithSelector(IL2OutputOracle.NotLocked.selector, 0));
        oracle.remove(0, game);
    }

    function test_remove_cantBeKeptUpByAWinnerWhoTakesNothing() public {
        settle(1);
        Refuser winner = new Refuser();
        vm.startPrank(game);
        oracle.lock(0);
        oracle.remove(0, address(winner));
        assertEq(oracle.nextOutputIndex(), 0);
        assertEq(oracle.owed(address(winner)), 1 ether);
        vm.expectRevert(
            abi.encodeWithSelector(IL2OutputOracle.PaymentFailed.selector, address(winner))
        );
        oracle.claim(address(winner));
        winner.relent();
        oracle.claim(address(winner));
        assertEq(address(winner).balance, 1 ether);
        vm.expectRevert(
            abi.encodeWithSelector(IL2OutputOracle.NothingOwed.selector, address(winner))
        );
        oracle.claim(address(winner));
    }

    function test_withdrawBond_onceAndWhenFinal() public {
        settle(1);
        vm.expectRevert(abi.encodeWithSelector(IL2OutputOracle.NotFinal.selector, 0));
        oracle.withdrawBond(0);
        vm.warp(block.timestamp + WINDOW);
        oracle.withdrawBond(0);
        assertEq(proposer.balance, 1000 ether);
        assertEq(oracle.output(0).bond, 0);
        vm.expectRevert(abi.encodeWithSelector(IL2OutputOracle.NothingOwed.selector, proposer));
        oracle.withdrawBond(0);
    }

    function test_parentOf_beginsWithTheGenesis() public {
        settle(1);
        settle(4);
        (bytes32 hash, bytes32 root, uint64 number) = oracle.parentOf(0);
        assertEq(hash, GENESIS);
        assertEq(root, GENESIS_STATE);
        assertEq(number, 0);
        (hash, root, number) = oracle.parentOf(1);
        assertEq(hash, oracle.output(0).blockHash);
        assertEq(root, oracle.output(0).stateRoot);
        assertEq(number, 1);
    }

    function test_gettersOfTheOpStack() public {
        bytes memory wait =
            "L2OutputOracle: cannot get output for a block that has not been proposed";
        vm.expectRevert(wait);
        oracle.getL2OutputIndexAfter(0);
        settle(2);
        settle(5);
        assertEq(oracle.getL2OutputIndexAfter(0), 0);
        assertEq(oracle.getL2OutputIndexAfter(2), 0);
        assertEq(oracle.getL2OutputIndexAfter(3), 1);
        assertEq(oracle.getL2OutputIndexAfter(5), 1);
        vm.expectRevert(wait);
        oracle.getL2OutputIndexAfter(6);
        assertEq(oracle.getL2OutputAfter(3).l2BlockNumber, 5);
        assertEq(oracle.getL2Output(0).outputRoot, oracle.output(0).outputRoot);
        assertEq(oracle.getL2Output(0).timestamp, block.timestamp);
        assertEq(oracle.latestOutputIndex(), 1);
        assertEq(oracle.nextOutputIndex(), 2);
        assertEq(oracle.latestBlockNumber(), 5);
        assertEq(oracle.PROPOSER(), proposer);
    }

    /// @dev Bonds in the contract are those of outputs whose bond nobody has, whatever happens.
    function testFuzz_bondsAddUp(uint256 seed) public {
        uint64 number = 1;
        for (uint256 round = 0; round < 24; ++round) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 count = oracle.nextOutputIndex();
            uint256 index = count == 0 ? 0 : seed % count;
            if (seed % 5 < 3 || count == 0) {
                settle(number++);
            } else if (seed % 5 == 3 && !oracle.isFinal(index)) {
                vm.startPrank(game);
                oracle.lock(index);
                if (seed % 2 == 0) oracle.remove(index, game);
                else oracle.unlock(index);
                vm.stopPrank();
            } else if (oracle.isFinal(index) && oracle.output(index).bond != 0) {
                oracle.withdrawBond(index);
            }
            vm.warp(block.timestamp + seed % 4);
        }
        uint256 held = 0;
        for (uint256 i = 0; i < oracle.nextOutputIndex(); ++i) {
            held += oracle.output(i).bond;
        }
        assertEq(address(oracle).balance, held);
        assertEq(proposer.balance + game.balance + held, 1000 ether);
    }
}

/// @notice Takes no coins until it relents.
contract Refuser {
    bool private _takes;

    receive() external payable {
        require(_takes);
    }

    function relent() external {
        _takes = true;
    }
}
