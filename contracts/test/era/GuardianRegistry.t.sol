// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {
    OwnableUpgradeable
} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {GuardianRegistry} from "../../src/era/GuardianRegistry.sol";
import {IGuardianRegistry} from "../../src/era/interfaces/IGuardianRegistry.sol";
import {AbsentMember, GuardianSet} from "../../src/metalayer/interfaces/IRootVerifier.sol";
import {BLS12381} from "../../src/metalayer/libs/BLS12381.sol";
import {BlsSigner} from "../utils/BlsSigner.sol";
import {RegistryFixture} from "./RegistryFixture.sol";

contract GuardianRegistryTest is RegistryFixture {
    uint96 private constant STAKE = 100_000 ether;

    function setUp() public {
        deployRegistry();
    }

    // ------------------------------------------------------------ register

    function test_register_takesTheStake() public {
        fund(guardianAt(0), STAKE);
        bytes memory key = BlsSigner.publicKey(secretOf(0));
        bytes memory proof = possession(secretOf(0), guardianAt(0));
        vm.expectEmit(address(registry));
        emit IGuardianRegistry.GuardianRegistered(guardianAt(0), STAKE, key);
        vm.prank(guardianAt(0));
        registry.register(key, proof, STAKE);

        assertEq(era.balanceOf(address(registry)), STAKE);
        IGuardianRegistry.Guardian memory guardian = registry.guardianOf(guardianAt(0));
        assertEq(guardian.stake, STAKE);
        assertEq(guardian.key, key);
        assertEq(guardian.unbonding, 0);
        assertTrue(guardian.active);
        assertEq(registry.guardians().length, 1);
        assertEq(registry.currentSet().setId, 0);
    }

    function test_register_revertsWhenRegistered() public {
        register(0, STAKE);
        bytes memory key = BlsSigner.publicKey(secretOf(1));
        bytes memory proof = possession(secretOf(1), guardianAt(0));
        _expect(IGuardianRegistry.AlreadyRegistered.selector, guardianAt(0));
        vm.prank(guardianAt(0));
        registry.register(key, proof, STAKE);
    }

    function test_register_revertsBelowTheLeastStake() public {
        bytes memory key = BlsSigner.publicKey(secretOf(0));
        bytes memory proof = possession(secretOf(0), guardianAt(0));
        vm.expectRevert(
            abi.encodeWithSelector(IGuardianRegistry.StakeTooLow.selector, MIN_STAKE - 1, MIN_STAKE)
        );
        vm.prank(guardianAt(0));
        registry.register(key, proof, MIN_STAKE - 1);
    }

    function test_register_revertsWithoutTheTokens() public {
        bytes memory key = BlsSigner.publicKey(secretOf(0));
        bytes memory proof = possession(secretOf(0), guardianAt(0));
        vm.expectPartialRevert(IERC20Errors.ERC20InsufficientAllowance.selector);
        vm.prank(guardianAt(0));
        registry.register(key, proof, STAKE);
    }

    function test_register_revertsForAUsedKey() public {
        register(0, STAKE);
        bytes memory key = BlsSigner.publicKey(secretOf(0));
        bytes memory proof = possession(secretOf(0), guardianAt(1));
        vm.expectRevert(abi.encodeWithSelector(IGuardianRegistry.KeyUsed.selector, key));
        vm.prank(guardianAt(1));
        registry.register(key, proof, STAKE);
    }

    function test_register_revertsForAnothersProof() public {
        fund(guardianAt(1), STAKE);
        bytes memory key = BlsSigner.publicKey(secretOf(0));
        bytes memory proof = possession(secretOf(0), guardianAt(0));
        vm.expectRevert(IGuardianRegistry.InvalidProofOfPossession.selector);
        vm.prank(guardianAt(1));
        registry.register(key, proof, STAKE);
    }

    function test_register_revertsForAnotherChainsProof() public {
        fund(guardianAt(0), STAKE);
        bytes memory key = BlsSigner.publicKey(secretOf(0));
        bytes memory proof = possession(secretOf(0), guardianAt(0));
        vm.chainId(12_345);
        vm.expectRevert(IGuardianRegistry.InvalidProofOfPossession.selector);
        vm.prank(guardianAt(0));
        registry.register(key, proof, STAKE);
    }

    function test_register_revertsForASignatureInPlaceOfAProof() public {
        bytes memory key = BlsSigner.publicKey(secretOf(0));
        bytes memory signature = BlsSigner.sign(secretOf(0), "digest");
        vm.expectRevert(IGuardianRegistry.InvalidProofOfPossession.selector);
        vm.prank(guardianAt(0));
        registry.register(key, signature, STAKE);
    }

    function test_register_revertsForKeysThatAreNone() public {
        string memory published = vm.readFile("../tests/vectors/bls12381.json");
        bytes memory proof = possession(secretOf(0), guardianAt(0));
        for (uint256 i = 0; i < 5; ++i) {
            bytes memory key = vm.parseJsonBytes(
                published, string.concat(".invalidG1[", vm.toString(i), "].point")
            );
            vm.expectRevert(BLS12381.InvalidPoint.selector);
            vm.prank(guardianAt(0));
            registry.register(key, proof, STAKE);
        }
    }

    function test_register_revertsForTheKeyAtInfinity() public {
        vm.expectRevert(BLS12381.InvalidPoint.selector);
        registry.register(new bytes(128), new bytes(256), STAKE);
    }

    function test_register_revertsWhenFull() public {
        uint256 most = registry.MAX_GUARDIANS();
        for (uint256 i = 0; i < most; ++i) {
            register(i, MIN_STAKE);
        }
        fund(guardianAt(most), MIN_STAKE);
        bytes memory key = BlsSigner.publicKey(secretOf(most));
        bytes memory proof = possession(secretOf(most), guardianAt(most));
        vm.expectRevert(abi.encodeWithSelector(IGuardianRegistry.RegistryFull.selector, most));
        vm.prank(guardianAt(most));
        registry.register(key, proof, MIN_STAKE);

        // sealing fits into a transaction under the cap of EIP-7825
        vm.cool(address(registry));
        uint256 before = gasleft();
        registry.sealSet();
        uint256 cost = before - gasleft();
        emit log_named_uint("sealSet of the most", cost);
        assertLt(cost, 16_777_216);
        assertEq(registry.currentSet().size, most);
    }

    // ------------------------------------------------------------ stake

    function test_increaseStake_countsFromTheNextSet() public {
        register(0, STAKE);
        registry.sealSet();
        fund(guardianAt(0), 5 ether);
        vm.expectEmit(address(registry));
        emit IGuardianRegistry.StakeIncreased(guardianAt(0), 5 ether, STAKE + 5 ether);
        vm.prank(guardianAt(0));
        registry.increaseStake(5 ether);

        assertEq(registry.currentSet().totalStake, STAKE);
        assertEq(registry.guardianOf(guardianAt(0)).stake, STAKE + 5 ether);
        assertEq(sealMembers()[0].stake, STAKE + 5 ether);
    }

    function test_increaseStake_revertsForZero() public {
        register(0, STAKE);
        vm.expectRevert(IGuardianRegistry.ZeroAmount.selector);
        vm.prank(guardianAt(0));
        registry.increaseStake(0);
    }

    function test_increaseStake_revertsForStrangers() public {
        _expect(IGuardianRegistry.NotRegistered.selector, address(this));
        registry.increaseStake(1);
    }

    function test_increaseStake_revertsWhenLeaving() public {
        register(0, STAKE);
        vm.startPrank(guardianAt(0));
        registry.requestExit();
        _expect(IGuardianRegistry.ExitAlreadyRequested.selector, guardianAt(0));
        registry.increaseStake(1);
    }

    function test_decreaseStake_unbonds() public {
        register(0, STAKE);
        registry.sealSet();
        vm.expectEmit(address(registry));
        emit IGuardianRegistry.StakeDecreased(guardianAt(0), 5 ether, STAKE - 5 ether);
        vm.startPrank(guardianAt(0));
        registry.decreaseStake(5 ether);
        vm.expectRevert(
            abi.encodeWithSelector(IGuardianRegistry.StillInSet.selector, guardianAt(0), 1)
        );
        registry.withdraw();
        registry.sealSet();
        assertEq(registry.currentSet().totalStake, STAKE - 5 ether);
        vm.warp(registry.withdrawableAt(guardianAt(0)));
        assertEq(registry.withdraw(), 5 ether);
        assertEq(era.balanceOf(guardianAt(0)), 5 ether);
        // it is still a guardian
        assertEq(registry.guardianOf(guardianAt(0)).stake, STAKE - 5 ether);
        _expect(IGuardianRegistry.NothingUnbonding.selector, guardianAt(0));
        registry.withdraw();
    }

    function test_decreaseStake_waitsAnewForAll() public {
        register(0, STAKE);
        vm.startPrank(guardianAt(0));
        registry.decreaseStake(1 ether);
        skip(5 days);
        registry.decreaseStake(1 ether);
        assertEq(
            registry.withdrawableAt(guardianAt(0)), block.timestamp + registry.unbondingPeriod()
        );
    }

    function test_decreaseStake_revertsBelowTheLeastAndForZero() public {
        register(0, STAKE);
        vm.startPrank(guardianAt(0));
        vm.expectRevert(
            abi.encodeWithSelector(IGuardianRegistry.StakeTooLow.selector, MIN_STAKE - 1, MIN_STAKE)
        );
        registry.decreaseStake(STAKE - MIN_STAKE + 1);
        vm.expectRevert(
            abi.encodeWithSelector(IGuardianRegistry.StakeTooLow.selector, 0, MIN_STAKE)
        );
        registry.decreaseStake(STAKE + 1);
        vm.expectRevert(IGuardianRegistry.ZeroAmount.selector);
        registry.decreaseStake(0);
    }

    function test_slash_takesWhatUnbonds() public {
        register(0, STAKE);
        vm.prank(guardianAt(0));
        registry.decreaseStake(10 ether);
        vm.prank(address(slasher));
        registry.slash(guardianAt(0), STAKE - 4 ether);
        assertEq(bondOf(guardianAt(0)), 4 ether);
        assertEq(registry.guardianOf(guardianAt(0)).stake, 0);
    }

    // ------------------------------------------------------------ jail

    function test_jail_leavesOutUntilItComesBack() public {
        register(0, STAKE);
        register(1, STAKE);
        registry.sealSet();
        uint48 until = uint48(block.timestamp + 1 hours);
        vm.expectEmit(address(registry));
        emit IGuardianRegistry.GuardianJailed(guardianAt(0), until);
        vm.prank(address(rewards));
        assertTrue(registry.jail(guardianAt(0), until));
        assertFalse(registry.guardianOf(guardianAt(0)).active);
        assertEq(sealMembers().length, 1);

        vm.startPrank(guardianAt(0));
        vm.expectRevert(
            abi.encodeWithSelector(IGuardianRegistry.StillJailed.selector, guardianAt(0), until)
        );
        registry.unjail();
        vm.warp(until);
        registry.unjail();
        assertEq(sealMembers().length, 2);
        assertEq(registry.guardianOf(guardianAt(0)).jailedUntil, 0);
        _expect(IGuardianRegistry.NotJailed.selector, guardianAt(0));
        registry.unjail();
    }

    function test_jail_mayBeLeftForGood() public {
        register(0, STAKE);
        register(1, STAKE);
        registry.sealSet();
        vm.prank(address(rewards));
        registry.jail(guardianAt(0), uint48(block.timestamp + 1 hours));
        vm.startPrank(guardianAt(0));
        registry.requestExit();
        // the stake still counts in the current set
        vm.expectRevert(
            abi.encodeWithSelector(IGuardianRegistry.StillInSet.selector, guardianAt(0), 1)
        );
        registry.withdraw();
        skip(1 hours);
        _expect(IGuardianRegistry.ExitAlreadyRequested.selector, guardianAt(0));
        registry.unjail();
        registry.sealSet();
        vm.warp(registry.withdrawableAt(guardianAt(0)));
        assertEq(registry.withdraw(), STAKE);
    }

    function test_jail_isTheJailersAndPassesOverWhoIsOut() public {
        register(0, STAKE);
        _expect(IGuardianRegistry.NotJailer.selector, OWNER);
        vm.prank(OWNER);
        registry.jail(guardianAt(0), 1);
        vm.startPrank(address(rewards));
        assertFalse(registry.jail(guardianAt(1), 1));
        assertTrue(registry.jail(guardianAt(0), 1));
        assertFalse(registry.jail(guardianAt(0), 2));
        assertEq(registry.guardianOf(guardianAt(0)).jailedUntil, 1);
    }

    // ------------------------------------------------------------ exit

    function test_exit_returnsTheStake() public {
        register(0, STAKE);
        register(1, STAKE);
        registry.sealSet();
        vm.expectEmit(address(registry));
        emit IGuardianRegistry.ExitRequested(guardianAt(0));
        vm.prank(guardianAt(0));
        registry.requestExit();
        assertEq(registry.guardians().length, 1);
        assertEq(registry.guardianOf(guardianAt(0)).unbonding, STAKE);
        assertEq(registry.currentSet().totalStake, 2 * STAKE);

        skip(1 days);
        registry.sealSet();
        uint256 until = block.timestamp + registry.unbondingPeriod();
        assertEq(registry.withdrawableAt(guardianAt(0)), until);
        vm.warp(until);
        vm.expectEmit(address(registry));
        emit IGuardianRegistry.Withdrawn(guardianAt(0), STAKE);
        vm.prank(guardianAt(0));
        registry.withdraw();
        assertEq(era.balanceOf(guardianAt(0)), STAKE);
        assertEq(registry.guardianOf(guardianAt(0)).stake, 0);
    }

    function test_exit_countsFromTheRequestWhenNeverInASet() public {
        register(0, STAKE);
        vm.prank(guardianAt(0));
        registry.requestExit();
        assertEq(
            registry.withdrawableAt(guardianAt(0)), block.timestamp + registry.unbondingPeriod()
        );
    }

    function test_exit_mayRegisterAgainWithANewKey() public {
        register(0, STAKE);
        vm.prank(guardianAt(0));
        registry.requestExit();
        skip(registry.unbondingPeriod());
        vm.prank(guardianAt(0));
        registry.withdraw();
        registerWith(secretOf(9), guardianAt(0), STAKE);
        assertEq(registry.guardians().length, 1);
    }

    function test_requestExit_revertsForStrangers() public {
        _expect(IGuardianRegistry.NotRegistered.selector, address(this));
        registry.requestExit();
    }

    function test_requestExit_revertsTheSecondTime() public {
        register(0, STAKE);
        vm.startPrank(guardianAt(0));
        registry.requestExit();
        _expect(IGuardianRegistry.ExitAlreadyRequested.selector, guardianAt(0));
        registry.requestExit();
    }

    function test_withdraw_revertsWhenNothingUnbonds() public {
        register(0, STAKE);
        _expect(IGuardianRegistry.NothingUnbonding.selector, guardianAt(0));
        vm.prank(guardianAt(0));
        registry.withdraw();
    }

    function test_withdraw_revertsInTheCurrentSet() public {
        register(0, STAKE);
        registry.sealSet();
        vm.startPrank(guardianAt(0));
        registry.requestExit();
        skip(365 days);
        vm.expectRevert(
            abi.encodeWithSelector(IGuardianRegistry.StillInSet.selector, guardianAt(0), 1)
        );
        registry.withdraw();
    }

    function test_withdraw_revertsBeforeTheTime() public {
        register(0, STAKE);
        vm.startPrank(guardianAt(0));
        registry.requestExit();
        uint256 until = block.timestamp + registry.unbondingPeriod();
        vm.warp(until - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IGuardianRegistry.StillBonded.selector, guardianAt(0), until)
        );
        registry.withdraw();
    }

    function test_withdraw_revertsForStrangers() public {
        _expect(IGuardianRegistry.NotRegistered.selector, address(this));
        registry.withdraw();
    }

    // ------------------------------------------------------------ slashing

    function test_slash_isTheSlashers() public {
        register(0, STAKE);
        _expect(IGuardianRegistry.NotSlasher.selector, OWNER);
        vm.prank(OWNER);
        registry.slash(guardianAt(0), 1);
    }

    function test_slash_takesPartAndLeavesTheRestToUnbond() public {
        register(0, STAKE);
        register(1, STAKE);
        registry.sealSet();
        vm.expectEmit(address(registry));
        emit IGuardianRegistry.GuardianSlashed(guardianAt(0), 7, STAKE - 7);
        vm.prank(address(slasher));
        registry.slash(guardianAt(0), 7);
        assertEq(era.balanceOf(address(slasher)), 7);
        assertEq(registry.guardians().length, 1);
        registry.sealSet();
        assertEq(registry.currentSet().size, 1);
        skip(registry.unbondingPeriod());
        vm.prank(guardianAt(0));
        registry.withdraw();
        assertEq(era.balanceOf(guardianAt(0)), STAKE - 7);
        registerWith(secretOf(9), guardianAt(0), STAKE);
    }

    function test_slash_takesAllForGood() public {
        register(0, STAKE);
        register(1, STAKE);
        registry.sealSet();
        vm.prank(address(slasher));
        registry.slash(guardianAt(0), STAKE);
        // its key still stands in the current set
        assertEq(registry.guardianOf(guardianAt(0)).key, BlsSigner.publicKey(secretOf(0)));
        registry.sealSet();
        bytes memory key = BlsSigner.publicKey(secretOf(9));
        bytes memory proof = possession(secretOf(9), guardianAt(0));
        _expect(IGuardianRegistry.AlreadyRegistered.selector, guardianAt(0));
        vm.prank(guardianAt(0));
        registry.register(key, proof, STAKE);
        _expect(IGuardianRegistry.NotRegistered.selector, guardianAt(0));
        registry.withdrawableAt(guardianAt(0));
    }

    function test_slash_revertsForNothingAndForTooMuch() public {
        register(0, STAKE);
        vm.startPrank(address(slasher));
        vm.expectRevert(IGuardianRegistry.ZeroAmount.selector);
        registry.slash(guardianAt(0), 0);
        vm.expectRevert(
            abi.encodeWithSelector(IGuardianRegistry.SlashTooHigh.selector, STAKE + 1, STAKE)
        );
        registry.slash(guardianAt(0), STAKE + 1);
        _expect(IGuardianRegistry.NotRegistered.selector, guardianAt(1));
        registry.slash(guardianAt(1), 1);
    }

    // ------------------------------------------------------------ sets

    function test_sealSet_makesTheSetOfAll() public {
        for (uint256 i = 0; i < 4; ++i) {
            register(i, STAKE);
        }
        GuardianSet memory expected = setOf(1, membersOf(equalStakes(4)));
        vm.expectEmit(address(registry));
        emit IGuardianRegistry.GuardianSetSealed(1, expected, _seats(4));
        assertEq(registry.sealSet(), 1);

        assertEq(abi.encode(registry.currentSet()), abi.encode(expected));
        assertEq(registry.setHashes(1), keccak256(abi.encode(expected)));
        assertEq(registry.sealedAt(1), block.timestamp);
    }

    function test_sealSet_shrinksAndGrows() public {
        for (uint256 i = 0; i < 5; ++i) {
            register(i, STAKE);
        }
        registry.sealSet();
        vm.prank(guardianAt(1));
        registry.requestExit();
        _checkDense(2, 4);
        register(6, STAKE);
        register(7, STAKE);
        _checkDense(3, 6);
    }

    function test_sealSet_revertsWithoutGuardians() public {
        vm.expectRevert(IGuardianRegistry.NoGuardians.selector);
        registry.sealSet();
    }

    function test_sealSet_revertsWhenNothingChanged() public {
        register(0, STAKE);
        registry.sealSet();
        vm.expectRevert(abi.encodeWithSelector(IGuardianRegistry.SetUnchanged.selector, 1));
        registry.sealSet();
    }

    function test_sealSet_feedsTheRootVerifier() public {
        for (uint256 i = 0; i < 4; ++i) {
            register(i, STAKE);
        }
        AbsentMember[] memory members = abi.decode(abi.encode(sealMembers()), (AbsentMember[]));
        GuardianSet memory set = registry.currentSet();
        vm.prank(OWNER);
        verifier.install(NETWORK, set);
        verifier.submit(certify(headerOf(1, 1), members, 1 << 2));
        assertEq(verifier.latestEpoch(), 1);
    }

    /// @dev The registry at the address that Python's proofs of possession are bound to.
    function test_sealSet_agreesWithThePythonSet() public {
        string memory json = vm.readFile("../tests/vectors/metalayer.json");
        address there = vm.parseJsonAddress(json, ".network.guardianRegistry");
        bytes32 slot = 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;
        vm.etch(there, address(registry).code);
        vm.store(there, slot, vm.load(address(registry), slot));
        registry = GuardianRegistry(there);
        registry.initialize(OWNER, MIN_STAKE);
        vm.chainId(900);
        for (uint256 i = 0; i < 4; ++i) {
            _registerVector(json, string.concat("[", vm.toString(i), "]"));
        }
        registry.sealSet();
        bytes memory encoded = vm.parseJsonBytes(json, ".sets[3].abi");
        GuardianSet memory expected = abi.decode(encoded, (GuardianSet));
        expected.setId = 1;
        assertEq(expected.size, 4);
        assertEq(abi.encode(registry.currentSet()), abi.encode(expected));
    }

    // ------------------------------------------------------------ governed

    function test_setMinStake_isTheOwners() public {
        vm.expectRevert(
            abi.encodeWithSelector(
                OwnableUpgradeable.OwnableUnauthorizedAccount.selector, address(this)
            )
        );
        registry.setMinStake(1);
        vm.expectEmit(address(registry));
        emit IGuardianRegistry.MinStakeChanged(5);
        vm.prank(OWNER);
        registry.setMinStake(5);
        assertEq(registry.minStake(), 5);
    }

    function test_setMinStake_revertsForZero() public {
        vm.expectRevert(IGuardianRegistry.ZeroAmount.selector);
        vm.prank(OWNER);
        registry.setMinStake(0);
    }

    function test_setUnbondingPeriod_isTheOwners() public {
        vm.expectRevert(
            abi.encodeWithSelector(
                OwnableUpgradeable.OwnableUnauthorizedAccount.selector, address(this)
            )
        );
        registry.setUnbondingPeriod(1);
        vm.expectEmit(address(registry));
        emit IGuardianRegistry.UnbondingPeriodChanged(60);
        vm.prank(OWNER);
        registry.setUnbondingPeriod(60);
        assertEq(registry.unbondingPeriod(), 60);
    }

    function test_initialize_revertsTheSecondTime() public {
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        registry.initialize(OWNER, 1);
    }

    function test_upgrade_revertsForOthersThanTheOwner() public {
        address next = newRegistry();
        vm.expectRevert(
            abi.encodeWithSelector(
                OwnableUpgradeable.OwnableUnauthorizedAccount.selector, address(this)
            )
        );
        registry.upgradeToAndCall(next, "");
    }

    function _registerVector(string memory json, string memory index) private {
        string memory guardian = string.concat(".guardians", index);
        address account = vm.parseJsonAddress(json, string.concat(guardian, ".guardian"));
        uint96 stake = uint96(vm.parseJsonUint(json, string.concat(guardian, ".stake")));
        fund(account, stake);
        bytes memory key = vm.parseJsonBytes(json, string.concat(guardian, ".key"));
        bytes memory proof = vm.parseJsonBytes(json, string.concat(".possessions", index, ".proof"));
        vm.prank(account);
        registry.register(key, proof, stake);
    }

    function _checkDense(uint64 setId, uint32 size) private {
        AbsentMember[] memory members = abi.decode(abi.encode(sealMembers()), (AbsentMember[]));
        GuardianSet memory set = registry.currentSet();
        assertEq(set.setId, setId);
        assertEq(set.size, size);
        assertEq(abi.encode(setOf(setId, members)), abi.encode(set));
        for (uint32 i = 0; i < size; ++i) {
            assertEq(members[i].index, i);
        }
    }

    function _seats(uint256 size)
        private
        view
        returns (IGuardianRegistry.SetMember[] memory seats)
    {
        AbsentMember[] memory members = membersOf(equalStakes(size));
        return abi.decode(abi.encode(members), (IGuardianRegistry.SetMember[]));
    }

    function _expect(bytes4 selector, address account) private {
        vm.expectRevert(abi.encodeWithSelector(selector, account));
    }
}
