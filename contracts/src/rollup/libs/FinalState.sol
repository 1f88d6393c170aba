// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {StateTrie} from "../../metalayer/libs/StateTrie.sol";
import {IL2OutputOracle} from "../../settlement/interfaces/IL2OutputOracle.sol";

/// @title FinalState
/// @notice Storage of a rollup's contracts, read on the L1 from the state of a final output.
library FinalState {
    uint256 private constant ACCOUNT_FIELDS = 4;
    uint256 private constant STORAGE_ROOT = 2;

    /// @notice Thrown when the output's finalization window runs, or a dispute about it.
    error OutputNotFinal(uint256 l2OutputIndex);

    /// @notice Thrown when the nodes show nothing about the account, or about its slot.
    error InvalidStateProof(address account, bytes32 slot);

    /// @notice The word at `slot` of `account` in the state of the output at `index`.
    /// @param accountProof Nodes from the state root down, as `eth_getProof` gives them.
    /// @param storageProof Nodes from the account's storage root down.
    function read(
        IL2OutputOracle oracle,
        uint256 index,
        address account,
        bytes32 slot,
        bytes[] memory accountProof,
        bytes[] memory storageProof
    ) internal view returns (bytes32) {
        if (!oracle.isFinal(index)) revert OutputNotFinal(index);
        (bool proven, bytes memory value) = StateTrie.getInOrder(
            oracle.output(index).stateRoot, keccak256(abi.encodePacked(account)), accountProof
        );
        if (proven) (proven, value) = StateTrie.field(value, STORAGE_ROOT, ACCOUNT_FIELDS);
        if (!proven || value.length != 32) revert InvalidStateProof(account, slot);
        (proven, value) =
            StateTrie.getInOrder(bytes32(value), keccak256(abi.encode(slot)), storageProof);
        if (!proven) revert InvalidStateProof(account, slot);
        if (value.length == 0) return 0;
        (bool found, uint256 word) = StateTrie.number(value);
        if (!found) revert InvalidStateProof(account, slot);
        return bytes32(word);
    }
}
