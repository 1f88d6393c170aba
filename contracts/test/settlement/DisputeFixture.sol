// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";
import {RootVerifier} from "../../src/metalayer/RootVerifier.sol";
import {AbsentMember, GuardianSet} from "../../src/metalayer/interfaces/IRootVerifier.sol";
import {DisputeGame} from "../../src/settlement/DisputeGame.sol";
import {GuardianVerdicts} from "../../src/settlement/GuardianVerdicts.sol";
import {IDisputeGame} from "../../src/settlement/interfaces/IDisputeGame.sol";
import {Step} from "../../src/settlement/interfaces/IStepDecider.sol";
import {GuardianFixture} from "../utils/GuardianFixture.sol";
import {OutputFixture} from "./OutputFixture.sol";

/// @notice A game with oracle, inbox and four guardians, and rollups of which two tales are told: the one that
/// their data give, and the one that an output is about.
abstract contract DisputeFixture is OutputFixture, GuardianFixture {
    uint96 internal constant BOND = 1 ether;

    /// @dev What the first false block lies about. UNPOSTED: the data give no such block at all.
    enum Lie {
        NONE,
        STATE_ROOT,
        RECEIPTS,
        TIMESTAMP,
        NUMBER,
        PARENT,
        UNPOSTED
    }

    /// @param truth Block hashes by number; 0 where there is none.
    /// @param told The same, of the chain that the output belongs to.
    /// @param first First block of `told` that is false; 0 where none is.
    /// @param prior Block of the output before; 0 for the genesis.
    struct World {
        bytes32 seed;
        bytes32[] truth;
        bytes32[] told;
        Lie lie;
        uint64 first;
        uint64 prior;
    }

    DisputeGame internal disputes;
    GuardianVerdicts internal verdicts;
    RootVerifier internal verifier;
    AbsentMember[] internal members;
    address internal challenger = makeAddr("challenger");

    function setUp() public virtual override {
        verifier = deployVerifier();
        AbsentMember[] memory found = membersOf(equalStakes(4));
        for (uint256 i = 0; i < found.length; ++i) {
            members.push(found[i]);
        }
        GuardianSet memory set = setOf(1, found);
        vm.prank(OWNER);
        verifier.install(NETWORK, set);
        verdicts = new GuardianVerdicts(address(verifier));
        disputes = makeGame();
        game = address(disputes); // the oracle is made with it
        super.setUp();
        vm.deal(challenger, 1000 ether);
    }

    function makeGame() internal returns (DisputeGame) {
        bytes memory call =
            abi.encodeCall(DisputeGame.initialize, (address(this), address(verdicts)));
        return DisputeGame(address(new ERC1967Proxy(address(new DisputeGame()), call)));
    }

    // ------------------------------------------------------------ worlds

    function worldOf(bytes32 seed, uint64 last, Lie lie, uint64 first, uint64 prior)
        internal
        pure
        returns (World memory world)
    {
        (world.seed, world.lie, world.first, world.prior) = (seed, lie, first, prior);
        world.truth = new bytes32[](last + 1);
        world.told = new bytes32[](last + 1);
        world.truth[0] = world.told[0] = GENESIS;
        for (uint64 number = 1; number <= last; ++number) {
            world.told[number] = keccak256(headerTold(world, number));
            if (lie == Lie.NONE || number < first) {
                world.truth[number] = world.told[number];
            } else if (lie != Lie.UNPOSTED) {
                world.truth[number] = keccak256(_headerTrue(world, number));
            }
        }
    }

    /// @dev Header of the block in the chain that is told.
    function headerTold(World memory world, uint64 number) internal pure returns (bytes memory) {
        Lie lie = number == world.first ? world.lie : Lie.NONE;
        return _header(world, number, world.told[number - 1], lie);
    }

    function _headerTrue(World memory world, uint64 number) private pure returns (bytes memory) {
        return _header(world, number, world.truth[number - 1], Lie.NONE);
    }

    /// @dev Of the blocks that outputs are about, the state is one of which there is a proof.
    function _header(World memory world, uint64 number, bytes32 parent, Lie lie)
        private
        pure
        returns (bytes memory)
    {
        bytes32 salt = lie == Lie.STATE_ROOT ? keccak256("lie") : world.seed;
        bool provable = number == world.prior || number == world.truth.length - 1;
        bytes32 stateRoot =
            provable ? blockAt(number, salt).stateRoot : keccak256(abi.encode(salt, number));
        uint256 timestamp = 1_767_225_600 + number + (lie == Lie.TIMESTAMP ? 1 : 0);
        bytes memory body = bytes.concat(
            abi.encodePacked(bytes1(0xa0), lie == Lie.PARENT ? keccak256("elsewhere") : parent),
            hex"8080a0",
            stateRoot,
            hex"80a0",
            keccak256(abi.encode("receipts", lie == Lie.RECEIPTS)),
            hex"8080",
            RLP.encode(uint256(lie == Lie.NUMBER ? number + 1 : number)),
            hex"8080",
            RLP.encode(timestamp),
            hex"80808080"
        );
        // forge-lint: disable-next-line(unsafe-typecast)
        return abi.encodePacked(bytes1(0xf8), uint8(body.length), body);
    }

    /// @dev How many transactions a block of the true chain has.
    function countOf(World memory world, uint64 number) internal pure returns (uint32) {
        return uint32(uint256(keccak256(abi.encode("count", world.seed, number))) % 6);
    }

    /// @dev What the data give at a point of a block; 0 where there is nothing.
    function truthAt(World memory world, uint64 number, uint32 transactions, uint64 point)
        internal
        pure
        returns (bytes32)
    {
        if (world.truth[number] == 0) return 0;
        if (point == 0) return world.truth[number - 1];
        if (point == uint64(transactions) + 2) return world.truth[number];
        if (point > countOf(world, number) + 1) return 0;
        return keccak256(abi.encode("state", world.seed, number, point));
    }

    /// @dev Posts the world's blocks and proposes what is told of them: the prior output first.
    function settleWorld(World memory world) internal returns (uint256) {
        uint64 last = uint64(world.told.length - 1);
        if (world.prior != 0) {
            post(world.prior);
            proposeTold(world, world.prior);
        }
        post(last);
        return proposeTold(world, last);
    }

    function proposeTold(World memory world, uint64 number) internal returns (uint256) {
        bool lies = world.lie == Lie.STATE_ROOT && world.first == number;
        Block memory made = blockAt(number, lies ? keccak256("lie") : world.seed);
        bytes memory header = headerTold(world, number);
        vm.prank(proposer);
        return oracle.propose{value: 1 ether}(header, made.proof, "");
    }

    // ------------------------------------------------------------ moves

    function hashAt(uint256 index) internal view returns (bytes32) {
        return oracle.output(index).blockHash;
    }

    function challenge(uint256 index) internal returns (uint256) {
        return challengeAs(challenger, index);
    }

    function challengeAs(address who, uint256 index) internal returns (uint256) {
        bytes32 blockHash = hashAt(index);
        uint96 bond = disputes.bond();
        vm.prank(who);
        return disputes.challenge{value: bond}(address(oracle), index, blockHash);
    }

    function askForData(address who, uint256 index) internal returns (uint256) {
        bytes32 blockHash = hashAt(index);
        uint96 bond = disputes.bond();
        vm.prank(who);
        return disputes.challengeData{value: bond}(address(oracle), index, blockHash);
    }

    function middleOf(uint256 id) internal view returns (uint64) {
        IDisputeGame.Game memory found = disputes.game(id);
        return (found.low + found.high) / 2;
    }

    function claim(uint256 id, bytes32 value) internal {
        uint64 position = middleOf(id);
        vm.prank(proposer);
        disputes.claim(id, position, value);
    }

    function answer(uint256 id, bool agrees) internal {
        bytes32 value = disputes.game(id).claimed;
        vm.prank(challenger);
        disputes.answer(id, value, agrees);
    }

    function miss(uint256 id) internal {
        vm.warp(disputes.game(id).deadline + 1);
        disputes.timeout(id);
    }

    /// @dev The guardians' verdict on a step, signed by all.
    function verdictOn(Step memory step, bool right) internal view returns (bytes memory) {
        return abi.encode(signed(verdicts.stepDigest(step, right), members, 0));
    }

    function decide(uint256 id, bool right) internal {
        disputes.decide(id, right, verdictOn(disputes.stepOf(id), right));
    }

    // ------------------------------------------------------------ honest players

    /// @dev Whether the guardians, who derive the chain, find the disputed value of the last step right.
    function isRight(World memory world, Step memory step) internal pure returns (bool) {
        bytes32 value = truthAt(world, step.blockNumber, step.transactions, step.point);
        return value != 0 && value == step.disputed;
    }

    /// @dev What the data give where the next claim, or the last one, stands.
    function truthFor(World memory world, IDisputeGame.Game memory found)
        internal
        pure
        returns (bytes32)
    {
        uint64 middle = (found.low + found.high) / 2;
        if (found.blockNumber == 0) return world.truth[middle];
        return truthAt(world, found.blockNumber, found.transactions, middle);
    }

    function answerHonestly(World memory world, uint256 id) internal {
        IDisputeGame.Game memory found = disputes.game(id);
        bytes32 value = truthFor(world, found);
        answer(id, value != 0 && value == found.claimed);
    }

    function decideHonestly(World memory world, uint256 id) internal {
        decide(id, isRight(world, disputes.stepOf(id)));
    }

    function revealTold(World memory world, uint256 id, uint32 transactions) internal {
        bytes memory header = headerTold(world, disputes.game(id).high);
        vm.prank(proposer);
        disputes.reveal(id, header, transactions);
    }

    function phaseOf(uint256 id) internal view returns (IDisputeGame.Phase) {
        return disputes.game(id).phase;
    }
}
