// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {
    OwnableUpgradeable
} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {GuardianRegistry} from "../../src/era/GuardianRegistry.sol";
import {Slasher} from "../../src/era/Slasher.sol";
import {IFinalOutputs} from "../../src/era/interfaces/IFinalOutputs.sol";
import {IGuardianRegistry} from "../../src/era/interfaces/IGuardianRegistry.sol";
import {ISlasher, Refutation, Seat, Vote} from "../../src/era/interfaces/ISlasher.sol";
import {
    AbsentMember,
    Certificate,
    EpochHeader,
    GuardianSet,
    QuorumProof
} from "../../src/metalayer/interfaces/IRootVerifier.sol";
import {EpochHeaders} from "../../src/metalayer/libs/EpochHeaders.sol";
import {Leaf} from "../../src/metalayer/libs/Leaf.sol";
import {BlsSigner} from "../utils/BlsSigner.sol";
import {Epochs} from "../utils/Epochs.sol";
import {RegistryFixture} from "./RegistryFixture.sol";

/// @notice Says of every height what it was given.
contract Outputs is IFinalOutputs {
    bool private known;
    bytes32 private blockHash;
    bytes32 private stateRoot;

    function set(bool known_, bytes32 blockHash_, bytes32 stateRoot_) external {
        (known, blockHash, stateRoot) = (known_, blockHash_, stateRoot_);
    }

    function finalBlock(uint32, uint64) external view override returns (bool, bytes32, bytes32) {
        return (known, blockHash, stateRoot);
    }
}

contract SlasherTest is RegistryFixture {
    using EpochHeaders for EpochHeader;

    uint96 private constant STAKE = 100_000 ether;
    uint256 private constant SIZE = 4;
    address private constant REPORTER = address(0xBEEF);
    bytes32 private constant PROXY_SLOT =
        0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;

    AbsentMember[] private members;

    function setUp() public {
        deployRegistry();
        for (uint256 i = 0; i < SIZE; ++i) {
            register(i, STAKE);
        }
        registry.sealSet();
        AbsentMember[] memory made = membersOf(equalStakes(SIZE));
        for (uint256 i = 0; i < SIZE; ++i) {
            members.push(made[i]);
        }
        GuardianSet memory set = registry.currentSet();
        vm.prank(OWNER);
        verifier.install(NETWORK, set);
    }

    // ------------------------------------------------------------ equivocation

    function test_equivocation_takesAllAndPaysTheReporter() public {
        uint256 before = era.balanceOf(TREASURY);
        bytes32 id = _id(ISlasher.Offence.EQUIVOCATION, 0, bytes32(uint256(5)));
        vm.expectEmit(address(slasher));
        emit ISlasher.Slashed(
            guardianAt(0), ISlasher.Offence.EQUIVOCATION, id, 5, STAKE, STAKE / 10, REPORTER
        );
        _report(0, _alone(0, _header(5, 1)), _alone(0, _header(5, 2)));

        assertEq(era.balanceOf(REPORTER), STAKE / 10);
        assertEq(era.balanceOf(TREASURY) - before, STAKE - STAKE / 10);
        assertEq(era.balanceOf(address(slasher)), 0);
        assertEq(era.balanceOf(address(registry)), 3 * STAKE);
        assertEq(bondOf(guardianAt(0)), 0);
        assertTrue(slasher.punished(id));
        registry.sealSet();
        assertEq(registry.currentSet().size, 3);
    }

    function test_equivocation_inTwoCertificates() public {
        Vote memory first = _among(0, _header(5, 1), 1 << 3);
        Vote memory second = _among(0, _header(5, 2), 1 << 2);
        _report(0, first, second);
        assertEq(bondOf(guardianAt(0)), 0);
        // so does the other that is absent from neither; of those absent from one nobody knows
        first.seat[0] = _seat(1);
        second.seat[0] = _seat(1);
        _report(1, first, second);
        assertEq(bondOf(guardianAt(1)), 0);
        first.seat[0] = _seat(3);
        second.seat[0] = _seat(3);
        _expect(ISlasher.NotASigner.selector, guardianAt(3));
        slasher.reportEquivocation(guardianAt(3), first, second);
    }

    function test_equivocation_inACertificateAndAlone() public {
        _report(0, _among(0, _header(5, 1), 0), _alone(0, _header(5, 2)));
        assertEq(bondOf(guardianAt(0)), 0);
    }

    function test_equivocation_ofSetsThatArePast() public {
        Vote memory first = _among(0, _header(5, 1), 0);
        Vote memory second = _among(0, _header(5, 2), 0);
        register(7, STAKE);
        registry.sealSet();
        _report(0, first, second);
        assertEq(bondOf(guardianAt(0)), 0);
    }

    function test_equivocation_reachesUnbondingStake() public {
        vm.prank(guardianAt(0));
        registry.requestExit();
        registry.sealSet();
        vm.warp(registry.withdrawableAt(guardianAt(0)));
        _report(0, _alone(0, _header(5, 1)), _alone(0, _header(5, 2)));
        _expect(IGuardianRegistry.NotRegistered.selector, guardianAt(0));
        vm.prank(guardianAt(0));
        registry.withdraw();
    }

    function test_equivocation_doesNotReachWhoLeftAndCameBack() public {
        vm.prank(guardianAt(0));
        registry.requestExit();
        registry.sealSet();
        vm.warp(registry.withdrawableAt(guardianAt(0)));
        vm.prank(guardianAt(0));
        registry.withdraw();
        Vote memory first = _alone(0, _header(5, 1));
        Vote memory second = _alone(0, _header(5, 2));
        _expect(IGuardianRegistry.NotRegistered.selector, guardianAt(0));
        slasher.reportEquivocation(guardianAt(0), first, second);
        registerWith(secretOf(9), guardianAt(0), STAKE);
        _expect(ISlasher.InvalidVote.selector, guardianAt(0));
        slasher.reportEquivocation(guardianAt(0), first, second);
    }

    function test_equivocation_isPunishedOnce() public {
        vm.prank(OWNER);
        slasher.setShares(5_000, 1_000, 0);
        _report(0, _alone(0, _header(5, 1)), _alone(0, _header(5, 2)));
        assertEq(bondOf(guardianAt(0)), STAKE / 2);
        Vote memory first = _alone(0, _header(5, 3));
        Vote memory second = _alone(0, _header(5, 4));
        bytes32 id = _id(ISlasher.Offence.EQUIVOCATION, 0, bytes32(uint256(5)));
        vm.expectRevert(abi.encodeWithSelector(ISlasher.AlreadyPunished.selector, id));
        slasher.reportEquivocation(guardianAt(0), first, second);
        // another epoch is another offence, of what is left
        _report(0, _alone(0, _header(6, 1)), _alone(0, _header(6, 2)));
        assertEq(bondOf(guardianAt(0)), STAKE / 4);
    }

    function test_equivocation_refusesTheHonest() public {
        Vote memory first = _alone(0, _header(5, 1));
        Vote memory second = _alone(0, _header(6, 2));
        vm.expectRevert(abi.encodeWithSelector(ISlasher.DifferentEpochs.selector, 5, 6));
        slasher.reportEquivocation(guardianAt(0), first, second);
        bytes32 hash = first.signed.header.hash(NETWORK);
        vm.expectRevert(abi.encodeWithSelector(ISlasher.SameHeader.selector, hash));
        slasher.reportEquivocation(guardianAt(0), first, first);
        second = _alone(1, _header(5, 2));
        _expect(ISlasher.InvalidVote.selector, guardianAt(0));
        slasher.reportEquivocation(guardianAt(0), first, second);
    }

    function test_equivocation_refusesAnotherNetworksVotes() public {
        EpochHeader memory header = _header(5, 2);
        Vote memory first = _alone(0, _header(5, 1));
        Vote memory second = _alone(0, header);
        second.signed.quorum.signature =
            BlsSigner.sign(secretOf(0), header.hash(keccak256("another network")));
        _expect(ISlasher.InvalidVote.selector, guardianAt(0));
        slasher.reportEquivocation(guardianAt(0), first, second);
    }

    function test_equivocation_refusesSetsAndSeatsThatAreNone() public {
        Vote memory first = _among(0, _header(5, 1), 0);
        Vote memory second = _among(0, _header(5, 2), 0);
        second.seat[0].set.aggregateKey = members[0].key;
        vm.expectRevert(abi.encodeWithSelector(ISlasher.UnknownSet.selector, 1));
        slasher.reportEquivocation(guardianAt(0), first, second);
        second.seat[0] = _seat(1);
        vm.expectRevert(abi.encodeWithSelector(ISlasher.NotInSet.selector, guardianAt(0), 1));
        slasher.reportEquivocation(guardianAt(0), first, second);
        second = _among(0, _header(5, 2), 1);
        _expect(ISlasher.NotASigner.selector, guardianAt(0));
        slasher.reportEquivocation(guardianAt(0), first, second);
        delete second.seat;
        vm.expectRevert(ISlasher.MalformedVote.selector);
        slasher.reportEquivocation(guardianAt(0), first, second);
    }

    function testFuzz_equivocation_refusesChangedSignatures(uint256 at, uint8 change) public {
        vm.assume(change != 0);
        Vote memory first = _alone(0, _header(5, 1));
        Vote memory second = _alone(0, _header(5, 2));
        bytes memory signature = second.signed.quorum.signature;
        at = bound(at, 0, signature.length - 1);
        signature[at] = bytes1(uint8(signature[at]) ^ change);
        vm.expectRevert();
        slasher.reportEquivocation(guardianAt(0), first, second);
    }

    function testFuzz_equivocation_isExactToTheWei(uint96 stake, uint16 share, uint16 reward)
        public
    {
        stake = uint96(bound(stake, MIN_STAKE, 1_000_000 ether));
        share = uint16(bound(share, 1, 10_000));
        reward = uint16(bound(reward, 0, 5_000));
        register(8, stake);
        vm.prank(OWNER);
        slasher.setShares(share, 1_000, reward);
        uint256 treasury = era.balanceOf(TREASURY);
        _report(8, _alone(8, _header(5, 1)), _alone(8, _header(5, 2)));
        uint256 amount = uint256(stake) * share / 10_000;
        assertEq(era.balanceOf(REPORTER), amount * reward / 10_000);
        assertEq(era.balanceOf(TREASURY) - treasury, amount - amount * reward / 10_000);
        assertEq(era.balanceOf(address(registry)), SIZE * STAKE + stake - amount);
        assertEq(bondOf(guardianAt(8)), stake - amount);
    }

    // ------------------------------------------------------------ final outputs

    function test_notFinal_slashesWhatAFinalOutputContradicts() public {
        (Vote memory vote, bytes memory proof, Leaf.Data memory leaf) = _leafVote(Leaf.FINALIZED);
        vm.expectRevert(
            abi.encodeWithSelector(ISlasher.OutputUnknown.selector, leaf.domain, leaf.blockNumber)
        );
        slasher.reportNotFinal(guardianAt(0), vote, proof);
        Outputs outputs = new Outputs();
        vm.prank(OWNER);
        slasher.setFinalOutputs(outputs);
        vm.expectRevert(
            abi.encodeWithSelector(ISlasher.OutputUnknown.selector, leaf.domain, leaf.blockNumber)
        );
        slasher.reportNotFinal(guardianAt(0), vote, proof);
        outputs.set(true, leaf.blockHash, leaf.stateRoot);
        vm.expectRevert(ISlasher.LeafHolds.selector);
        slasher.reportNotFinal(guardianAt(0), vote, proof);
        outputs.set(true, keccak256("the final block"), leaf.stateRoot);
        slasher.reportNotFinal(guardianAt(0), vote, proof);
        assertEq(bondOf(guardianAt(0)), STAKE * 3 / 4);
    }

    /// @dev What a reorg does: another block becomes the final one at the height of an INSTANT leaf.
    function test_notFinal_neverSlashesInstantLeaves() public {
        (Vote memory vote, bytes memory proof,) = _leafVote(Leaf.INSTANT);
        Outputs outputs = new Outputs();
        outputs.set(true, keccak256("the other branch"), keccak256("its state"));
        vm.prank(OWNER);
        slasher.setFinalOutputs(outputs);
        vm.expectRevert(ISlasher.LeafNotFinalized.selector);
        slasher.reportNotFinal(guardianAt(0), vote, proof);
    }

    // ------------------------------------------------------------ Python's evidence

    function test_vectors_equivocations() public {
        string memory json = _useVectors();
        uint256 state = vm.snapshotState();
        uint256 i = 0;
        for (; vm.keyExistsJson(json, _at(".equivocations", i, "")); ++i) {
            _replay(json, _at(".equivocations", i, ""), 10_000);
            vm.revertToState(state);
        }
        assertEq(i, 3);
    }

    function test_vectors_falseLeaves() public {
        string memory json = _useVectors();
        uint256 state = vm.snapshotState();
        uint256 i = 0;
        for (; vm.keyExistsJson(json, _at(".falseLeaves", i, "")); ++i) {
            _replay(json, _at(".falseLeaves", i, ""), 2_500);
            (bool success, bytes memory reason) =
                address(slasher).call(vm.parseJsonBytes(json, _at(".falseLeaves", i, ".calldata")));
            assertFalse(success);
            assertEq(bytes4(reason), ISlasher.AlreadyPunished.selector);
            vm.revertToState(state);
        }
        assertEq(i, 4);
    }

    /// @dev The leaf's block may have been reorganised away since: it still says what the leaf says.
    function test_vectors_aTrueLeafIsNeverRefuted() public {
        string memory json = _useVectors();
        (bool success, bytes memory reason) =
            address(slasher).call(vm.parseJsonBytes(json, ".trueLeaf.calldata"));
        assertFalse(success);
        assertEq(bytes4(reason), ISlasher.LeafHolds.selector);
    }

    /// @dev Whatever bit of the evidence against a true leaf is changed, nobody is slashed.
    function testFuzz_vectors_aTrueLeafIsNeverRefuted(uint256 at, uint8 bit) public {
        string memory json = _useVectors();
        bytes memory data = vm.parseJsonBytes(json, ".trueLeaf.calldata");
        at = bound(at, 36, data.length - 1);
        data[at] ^= bytes1(uint8(1) << (bit % 8));
        (bool success,) = address(slasher).call{gas: 20_000_000}(data);
        assertFalse(success);
    }

    // ------------------------------------------------------------ governed

    function test_setShares_isTheOwnersAndBounded() public {
        vm.expectRevert(
            abi.encodeWithSelector(
                OwnableUpgradeable.OwnableUnauthorizedAccount.selector, address(this)
            )
        );
        slasher.setShares(10_000, 5_000, 0);
        vm.startPrank(OWNER);
        slasher.setShares(10_000, 5_000, 0);
        assertEq(slasher.falseLeafShare(), 5_000);
        _expectBounds(999, 1_000, 5_000);
        slasher.setShares(10_000, 999, 0);
        _expectBounds(5_001, 1_000, 5_000);
        slasher.setShares(10_000, 5_001, 0);
        _expectBounds(0, 1, 10_000);
        slasher.setShares(0, 1_000, 0);
        _expectBounds(5_001, 0, 5_000);
        slasher.setShares(1, 1_000, 5_001);
    }

    function test_slashVerdict_isTheOwnersAloneAndPunishesOnce() public {
        bytes32 verdict = keccak256("of the third game");
        vm.expectRevert(
            abi.encodeWithSelector(
                OwnableUpgradeable.OwnableUnauthorizedAccount.selector, address(this)
            )
        );
        slasher.slashVerdict(guardianAt(0), verdict, 2_500);

        uint256 before = era.balanceOf(TREASURY);
        bytes32 id = _id(ISlasher.Offence.FALSE_VERDICT, 0, verdict);
        vm.startPrank(OWNER);
        vm.expectEmit(address(slasher));
        emit ISlasher.Slashed(
            guardianAt(0), ISlasher.Offence.FALSE_VERDICT, id, 0, STAKE / 4, 0, OWNER
        );
        slasher.slashVerdict(guardianAt(0), verdict, 2_500);
        assertEq(era.balanceOf(TREASURY) - before, STAKE / 4);
        assertEq(era.balanceOf(OWNER), 0);
        assertEq(bondOf(guardianAt(0)), STAKE - STAKE / 4);

        vm.expectRevert(abi.encodeWithSelector(ISlasher.AlreadyPunished.selector, id));
        slasher.slashVerdict(guardianAt(0), verdict, 2_500);
        slasher.slashVerdict(guardianAt(1), verdict, 5_000);
        assertEq(bondOf(guardianAt(1)), STAKE / 2);
        vm.expectRevert(
            abi.encodeWithSelector(IGuardianRegistry.NotRegistered.selector, address(0xDEAD))
        );
        slasher.slashVerdict(address(0xDEAD), verdict, 2_500);
        _expectBounds(999, 1_000, 5_000);
        slasher.slashVerdict(guardianAt(2), verdict, 999);
        _expectBounds(5_001, 1_000, 5_000);
        slasher.slashVerdict(guardianAt(2), verdict, 5_001);
    }

    function test_report_revertsBeforeTheNetworkHasAnId() public {
        verifier = deployVerifier();
        Slasher other = deploySlasher(address(registry), HOOK);
        Vote memory vote = _alone(0, _header(5, 1));
        vm.expectRevert(ISlasher.NotInstalled.selector);
        other.reportEquivocation(guardianAt(0), vote, vote);
    }

    function test_gas_reports() public {
        _report(0, _alone(0, _header(5, 1)), _alone(0, _header(5, 2)));
        emit log_named_uint("two signatures", vm.lastCallGas().gasTotalUsed);
        _report(1, _among(1, _header(5, 1), 0), _among(1, _header(5, 2), 1 << 3));
        emit log_named_uint("two certificates, one absent", vm.lastCallGas().gasTotalUsed);
    }

    // ------------------------------------------------------------ helpers

    function _report(uint256 who, Vote memory first, Vote memory second) private {
        vm.prank(REPORTER);
        slasher.reportEquivocation(guardianAt(who), first, second);
    }

    function _header(uint64 epoch, uint256 salt) private view returns (EpochHeader memory header) {
        header = headerOf(1, epoch);
        header.aggregateRoot = keccak256(abi.encode("salted", salt));
    }

    function _alone(uint256 who, EpochHeader memory header)
        private
        view
        returns (Vote memory vote)
    {
        vote.signed.header = header;
        vote.signed.quorum.signature = BlsSigner.sign(secretOf(who), header.hash(NETWORK));
    }

    function _among(uint256 who, EpochHeader memory header, uint256 absent)
        private
        view
        returns (Vote memory vote)
    {
        vote.signed = certify(header, members, absent);
        vote.seat = new Seat[](1);
        vote.seat[0] = _seat(who);
    }

    function _seat(uint256 who) private view returns (Seat memory) {
        bytes32[] memory proof = proofOf(members, 1 << who).proof;
        return Seat(setOf(1, members), uint32(who), STAKE, proof);
    }

    function _leafVote(uint8 finality)
        private
        view
        returns (Vote memory vote, bytes memory proof, Leaf.Data memory leaf)
    {
        leaf = Epochs.leafOf(901, new bytes32[](0));
        leaf.finality = finality;
        Leaf.Data[] memory leaves = new Leaf.Data[](1);
        leaves[0] = leaf;
        EpochHeader memory header = headerOf(1, 5);
        header.aggregateRoot = Epochs.aggregateRoot(leaves);
        vote = _alone(0, header);
        proof = abi.encodePacked(uint8(1), uint64(5), Leaf.encode(leaf), uint64(0), uint16(0));
    }

    function _id(ISlasher.Offence offence, uint256 who, bytes32 what)
        private
        view
        returns (bytes32)
    {
        return keccak256(abi.encode(offence, keccak256(BlsSigner.publicKey(secretOf(who))), what));
    }

    /// @dev Python's guardians, at the registry that their proofs of possession are bound to.
    function _useVectors() private returns (string memory json) {
        string memory shared = vm.readFile("../tests/vectors/metalayer.json");
        json = vm.readFile("../tests/vectors/slashing.json");
        address there = vm.parseJsonAddress(shared, ".network.guardianRegistry");
        verifier = deployVerifier();
        slasher = deploySlasher(there, vm.parseJsonAddress(json, ".hook"));
        address implementation = newRegistry();
        vm.etch(there, address(registry).code);
        vm.store(there, PROXY_SLOT, bytes32(uint256(uint160(implementation))));
        registry = GuardianRegistry(there);
        registry.initialize(OWNER, MIN_STAKE);
        for (uint256 i = 0; i < SIZE; ++i) {
            _registerVector(shared, i);
        }
        registry.sealSet();
        GuardianSet memory set = registry.currentSet();
        assertEq(abi.encode(set), vm.parseJsonBytes(json, ".set"));
        bytes32 network = vm.parseJsonBytes32(shared, ".network.networkId");
        vm.prank(OWNER);
        verifier.install(network, set);
    }

    function _registerVector(string memory json, uint256 i) private {
        address account = vm.parseJsonAddress(json, _at(".guardians", i, ".guardian"));
        uint96 stake = uint96(vm.parseJsonUint(json, _at(".guardians", i, ".stake")));
        fund(account, stake);
        bytes memory key = vm.parseJsonBytes(json, _at(".guardians", i, ".key"));
        bytes memory proof = vm.parseJsonBytes(json, _at(".possessions", i, ".proof"));
        vm.prank(account);
        registry.register(key, proof, stake);
    }

    function _replay(string memory json, string memory at, uint256 share) private {
        address accused = vm.parseJsonAddress(json, ".accused");
        uint256 stake = bondOf(accused);
        bytes memory data = vm.parseJsonBytes(json, string.concat(at, ".calldata"));
        vm.prank(REPORTER);
        (bool success,) = address(slasher).call(data);
        string memory name = vm.parseJsonString(json, string.concat(at, ".name"));
        emit log_named_uint(name, vm.lastCallGas().gasTotalUsed);
        assertTrue(success, name);
        uint256 amount = stake * share / 10_000;
        assertEq(bondOf(accused), stake - amount);
        assertEq(era.balanceOf(REPORTER), amount / 10);
    }

    function _expectBounds(uint256 share, uint256 least, uint256 most) private {
        vm.expectRevert(
            abi.encodeWithSelector(ISlasher.ShareOutOfBounds.selector, share, least, most)
        );
    }

    function _expect(bytes4 selector, address account) private {
        vm.expectRevert(abi.encodeWithSelector(selector, account));
    }

    function _at(string memory list, uint256 i, string memory field)
        private
        pure
        returns (string memory)
    {
        return string.concat(list, "[", vm.toString(i), "]", field);
    }
}
