// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {ReadProof} from "../../src/metalayer/libs/ReadProof.sol";
import {ReadResults} from "../../src/metalayer/libs/ReadResults.sol";

/// @notice The vectors that Python made of docs/formats.md: reads.
contract ReadVectorsTest is Test {
    using ReadProof for bytes;

    string internal json = vm.readFile("../tests/vectors/metalayer.json");

    function leafOf(bytes32 id, bytes calldata results) external pure returns (bytes32) {
        return ReadProof.leaf(id, results);
    }

    function check(bytes calldata metadata, bytes32 id)
        external
        pure
        returns (uint64 epoch, bytes memory inner, bytes memory results, bytes32 root)
    {
        epoch = metadata.epoch();
        bytes calldata found;
        (inner, found) = metadata.split();
        results = found;
        root = metadata.aggregateRoot(id, found);
    }

    function test_vectors_reads() public view {
        uint256 i;
        for (; vm.keyExistsJson(json, _at(i, "")); ++i) {
            bytes32 id = vm.parseJsonBytes32(json, _at(i, ".messageId"));
            bytes memory results = vm.parseJsonBytes(json, _at(i, ".results"));
            assertEq(this.leafOf(id, results), vm.parseJsonBytes32(json, _at(i, ".leaf")));
            bytes memory metadata = vm.parseJsonBytes(json, _at(i, ".metadata"));
            (uint64 epoch, bytes memory inner, bytes memory found, bytes32 root) =
                this.check(metadata, id);
            assertEq(epoch, vm.parseJsonUint(json, _at(i, ".epoch")));
            assertEq(inner, hex"02");
            assertEq(found, results);
            assertEq(root, vm.parseJsonBytes32(json, _at(i, ".aggregateRoot")));
            _checkFailures(i, results);
        }
        assertGt(i, 10);
    }

    function _checkFailures(uint256 i, bytes memory encoded) private view {
        bytes[] memory results = abi.decode(encoded, (bytes[]));
        assertEq(keccak256(abi.encode(results)), keccak256(encoded), "canonical");
        bool[] memory failed = vm.parseJsonBoolArray(json, _at(i, ".failed"));
        assertEq(results.length, failed.length);
        for (uint256 k = 0; k < results.length; ++k) {
            assertEq(!ReadResults.succeeded(results[k]), failed[k]);
        }
    }

    function _at(uint256 index, string memory key) private pure returns (string memory) {
        return string.concat(".reads[", vm.toString(index), "]", key);
    }
}
