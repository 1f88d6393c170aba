// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {ERA} from "../../src/era/ERA.sol";
import {GuardianRegistry} from "../../src/era/GuardianRegistry.sol";
import {GuardianRewards} from "../../src/era/GuardianRewards.sol";
import {Slasher} from "../../src/era/Slasher.sol";
import {IGuardianRegistry} from "../../src/era/interfaces/IGuardianRegistry.sol";
import {RootVerifier} from "../../src/metalayer/RootVerifier.sol";
import {GuardianSet} from "../../src/metalayer/interfaces/IRootVerifier.sol";
import {GuardianSets} from "../../src/metalayer/libs/GuardianSets.sol";
import {BlsSigner} from "../utils/BlsSigner.sol";
import {GuardianFixture} from "../utils/GuardianFixture.sol";

/// @notice ERA and a registry, and accounts that register with keys of known secrets.
abstract contract RegistryFixture is GuardianFixture {
    address internal constant TREASURY = address(0x7EA);
    address internal constant HOOK = address(0x400C);
    uint96 internal constant MIN_STAKE = 1000 ether;

    ERA internal era;
    GuardianRegistry internal registry;
    RootVerifier internal verifier;
    Slasher internal slasher;
    GuardianRewards internal rewards;

    function deployRegistry() internal {
        bytes memory call = abi.encodeCall(ERA.initialize, (OWNER, TREASURY));
        era = ERA(address(new ERC1967Proxy(address(new ERA()), call)));
        verifier = deployVerifier();
        // each names the others: the registry stands where the contract made after its implementation will
        address there = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 5);
        slasher = deploySlasher(there, HOOK);
        call = abi.encodeCall(GuardianRewards.initialize, (OWNER));
        address implementation = address(new GuardianRewards(there, address(verifier)));
        rewards = GuardianRewards(address(new ERC1967Proxy(implementation, call)));
        call = abi.encodeCall(GuardianRegistry.initialize, (OWNER, MIN_STAKE));
        registry = GuardianRegistry(address(new ERC1967Proxy(newRegistry(), call)));
        assertEq(address(registry), there);
    }

    /// @notice An implementation.
    function newRegistry() internal returns (address) {
        return address(new GuardianRegistry(address(era), address(slasher), address(rewards)));
    }

    /// @notice Seals a set; its members, which only the event tells.
    function sealMembers() internal returns (IGuardianRegistry.SetMember[] memory members) {
        vm.recordLogs();
        registry.sealSet();
        bytes memory data = vm.getRecordedLogs()[0].data;
        (, members) = abi.decode(data, (GuardianSet, IGuardianRegistry.SetMember[]));
    }

    /// @notice All that a guardian can lose.
    function bondOf(address account) internal view returns (uint256) {
        IGuardianRegistry.Guardian memory found = registry.guardianOf(account);
        return uint256(found.stake) + found.unbonding;
    }

    function deploySlasher(address registry_, address hook) internal returns (Slasher) {
        bytes memory call = abi.encodeCall(Slasher.initialize, (OWNER, TREASURY));
        address implementation = address(new Slasher(registry_, address(verifier), hook));
        return Slasher(address(new ERC1967Proxy(implementation, call)));
    }

    function guardianAt(uint256 index) internal pure returns (address) {
        return address(uint160(0x6000 + index));
    }

    function fund(address account, uint256 amount) internal {
        vm.prank(TREASURY);
        era.transfer(account, amount);
        vm.prank(account);
        era.approve(address(registry), type(uint256).max);
    }

    function possession(uint256 secret, address account) internal view returns (bytes memory) {
        bytes32 digest =
            GuardianSets.possessionDigest(address(registry), account, BlsSigner.publicKey(secret));
        return BlsSigner.provePossession(secret, digest);
    }

    function register(uint256 index, uint96 amount) internal {
        registerWith(secretOf(index), guardianAt(index), amount);
    }

    function registerWith(uint256 secret, address account, uint96 amount) internal {
        fund(account, amount);
        bytes memory key = BlsSigner.publicKey(secret);
        bytes memory proof = possession(secret, account);
        vm.prank(account);
        registry.register(key, proof, amount);
    }
}
