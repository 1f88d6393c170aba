// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {RootVerifier} from "../../src/metalayer/RootVerifier.sol";
import {
    Certificate,
    EpochHeader,
    GuardianSet,
    IRootVerifier
} from "../../src/metalayer/interfaces/IRootVerifier.sol";
import {BLS12381} from "../../src/metalayer/libs/BLS12381.sol";
import {EpochHeaders} from "../../src/metalayer/libs/EpochHeaders.sol";
import {GuardianSets} from "../../src/metalayer/libs/GuardianSets.sol";
import {GuardianFixture} from "../utils/GuardianFixture.sol";

/// @notice What Python made of the same formats: tests/vectors/metalayer.json.
contract RootVerifierVectorsTest is GuardianFixture {
    using EpochHeaders for EpochHeader;
    using GuardianSets for GuardianSet;

    string private json;
    bytes32 private networkId;

    function setUp() public {
        json = vm.readFile("../tests/vectors/metalayer.json");
        networkId = vm.parseJsonBytes32(json, ".network.networkId");
    }

    function test_networkId_isThatOfItsParts() public view {
        bytes32 computed = keccak256(
            abi.encode(
                vm.parseJsonBytes32(json, ".network.l1GenesisHash"),
                vm.parseJsonAddress(json, ".network.guardianRegistry"),
                vm.parseJsonBytes32(json, ".network.devnetId")
            )
        );
        assertEq(computed, networkId);
    }

    function test_headers() public view {
        uint256 i = 0;
        for (; _has(".headers", i); ++i) {
            EpochHeader memory header = EpochHeader({
                setId: uint64(vm.parseJsonUint(json, _in(".headers", i, ".setId"))),
                epoch: uint64(vm.parseJsonUint(json, _in(".headers", i, ".epoch"))),
                timestamp: uint64(vm.parseJsonUint(json, _in(".headers", i, ".timestamp"))),
                parentHash: _word(".headers", i, ".parentHash"),
                aggregateRoot: _word(".headers", i, ".aggregateRoot")
            });
            assertEq(header.hash(networkId), _word(".headers", i, ".hash"));
            assertEq(keccak256(_bytes(".headers", i, ".encoded")), _word(".headers", i, ".hash"));
        }
        assertGt(i, 0);
    }

    function test_sets() public view {
        uint256 i = 0;
        for (; _has(".sets", i); ++i) {
            GuardianSet memory set = abi.decode(_bytes(".sets", i, ".abi"), (GuardianSet));
            bytes32[] memory hashes =
                vm.parseJsonBytes32Array(json, _in(".sets", i, ".memberHashes"));
            assertEq(set.size, hashes.length);
            assertEq(set.root, GuardianSets.root(hashes));
            assertEq(set.commitment(networkId), _word(".sets", i, ".commitment"));
            assertEq(set.aggregateKey, _sumOfKeys(hashes));
        }
        assertGt(i, 0);
    }

    function test_arrayTrees() public view {
        uint256 i = 0;
        for (; _has(".arrayTrees", i); ++i) {
            bytes32[] memory leaves =
                vm.parseJsonBytes32Array(json, _in(".arrayTrees", i, ".leaves"));
            assertEq(GuardianSets.root(leaves), _word(".arrayTrees", i, ".root"));
        }
        assertGt(i, 0);
    }

    function test_possessions() public {
        uint256 i = 0;
        for (; _has(".possessions", i); ++i) {
            vm.chainId(vm.parseJsonUint(json, _in(".possessions", i, ".chainId")));
            bytes memory key = _bytes(".possessions", i, ".key");
            bytes32 digest = GuardianSets.possessionDigest(
                vm.parseJsonAddress(json, _in(".possessions", i, ".registry")),
                vm.parseJsonAddress(json, _in(".possessions", i, ".guardian")),
                key
            );
            assertEq(digest, _word(".possessions", i, ".digest"));
            bytes memory proof = _bytes(".possessions", i, ".proof");
            assertTrue(BLS12381.verify(key, abi.encode(digest), BLS12381.POSSESSION_TAG, proof));
        }
        assertGt(i, 0);
    }

    function test_certificates() public {
        uint256 i = 0;
        for (; _has(".certificates", i); ++i) {
            Certificate memory certificate =
                abi.decode(_bytes(".certificates", i, ".abi"), (Certificate));
            RootVerifier verifier = _installed(certificate.header.setId);

            vm.expectEmit(address(verifier));
            emit IRootVerifier.EpochCertified(
                certificate.header.epoch,
                _word(".certificates", i, ".aggregateRoot"),
                _word(".certificates", i, ".headerHash")
            );
            verifier.submit(certificate);
        }
        assertGt(i, 0);
    }

    /// @dev Each bit of an encoding counts: a certificate changed anywhere is refused, or is the same
    /// certificate written another way.
    function testFuzz_submit_refusesChangedCertificates(uint256 which, uint256 position, uint8 bit)
        public
    {
        which = bound(which, 0, 9);
        bytes memory data = _bytes(".certificates", which, ".abi");
        Certificate memory honest = abi.decode(data, (Certificate));
        RootVerifier verifier = _installed(honest.header.setId);
        position = bound(position, 0, data.length - 1);
        data[position] ^= bytes1(uint8(1) << (bit % 8));

        bytes memory call = bytes.concat(IRootVerifier.submit.selector, data);
        (bool success,) = address(verifier).call{gas: 5_000_000}(call);
        if (success) {
            assertEq(verifier.latestEpoch(), honest.header.epoch);
            assertEq(verifier.aggregateRoots(honest.header.epoch), honest.header.aggregateRoot);
        } else {
            assertEq(verifier.latestEpoch(), 0);
        }
    }

    function _installed(uint64 setId) private returns (RootVerifier verifier) {
        for (uint256 i = 0; _has(".sets", i); ++i) {
            GuardianSet memory set = abi.decode(_bytes(".sets", i, ".abi"), (GuardianSet));
            if (set.setId != setId) continue;
            verifier = deployVerifier();
            vm.prank(OWNER);
            verifier.install(networkId, set);
            return verifier;
        }
        revert("no such set");
    }

    /// @dev Sum of the first guardians' keys, whose hashes must be those given.
    function _sumOfKeys(bytes32[] memory hashes) private view returns (bytes memory sum) {
        sum = new bytes(128);
        for (uint32 i = 0; i < hashes.length; ++i) {
            bytes memory key = _bytes(".guardians", i, ".key");
            address guardian = vm.parseJsonAddress(json, _in(".guardians", i, ".guardian"));
            uint96 stake = uint96(vm.parseJsonUint(json, _in(".guardians", i, ".stake")));
            assertEq(GuardianSets.memberHash(i, guardian, stake, key), hashes[i]);
            sum = BLS12381.addG1(sum, key);
        }
    }

    function _has(string memory list, uint256 i) private view returns (bool) {
        return vm.keyExistsJson(json, _in(list, i, ""));
    }

    function _bytes(string memory list, uint256 i, string memory field)
        private
        view
        returns (bytes memory)
    {
        return vm.parseJsonBytes(json, _in(list, i, field));
    }

    function _word(string memory list, uint256 i, string memory field)
        private
        view
        returns (bytes32)
    {
        return vm.parseJsonBytes32(json, _in(list, i, field));
    }

    function _in(string memory list, uint256 i, string memory field)
        private
        pure
        returns (string memory)
    {
        return string.concat(list, "[", vm.toString(i), "]", field);
    }
}
