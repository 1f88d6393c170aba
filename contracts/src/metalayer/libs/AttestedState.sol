// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {Attested, IStateVerifier, ProvenSlot, StateProof} from "../interfaces/IStateVerifier.sol";

/// @title AttestedState
/// @notice Lets a contract read a storage slot of another chain, and insist on which one it is and how
/// old it may be.
library AttestedState {
    /// @notice Thrown when the proof is of another chain.
    error WrongDomain(uint32 given, uint32 wanted);
    /// @notice Thrown when the proof does not speak of that slot of that account.
    error SlotNotProven(address account, bytes32 slot);
    /// @notice Thrown when the attested block is older than the caller accepts.
    error StaleRoot(uint64 blockNumber, uint64 earliest);

    /// @notice Value of `slot` of `account` on the chain `domain`, and the block in which it was so.
    /// @param earliest The least block number that will do; keep the one returned to accept no older
    /// state later.
    function read(
        IStateVerifier verifier,
        StateProof calldata proof,
        uint32 domain,
        address account,
        bytes32 slot,
        uint64 earliest
    ) internal view returns (bytes32 value, uint64 blockNumber) {
        (Attested memory attested, bytes32[] memory values) = verifier.verifyStorage(proof);
        if (attested.domain != domain) revert WrongDomain(attested.domain, domain);
        if (attested.blockNumber < earliest) revert StaleRoot(attested.blockNumber, earliest);
        return (_find(proof, values, account, slot), attested.blockNumber);
    }

    /// @notice Slot of `key`'s value in a mapping from addresses that is declared at `base`.
    function slotOf(address key, uint256 base) internal pure returns (bytes32) {
        return keccak256(abi.encode(key, base));
    }

    function _find(
        StateProof calldata proof,
        bytes32[] memory values,
        address account,
        bytes32 slot
    ) private pure returns (bytes32) {
        for (uint256 i = 0; i < values.length; ++i) {
            ProvenSlot calldata proven = proof.slots[i];
            if (proven.key == slot && proof.accounts[proven.owner].account == account) {
                return values[i];
            }
        }
        revert SlotNotProven(account, slot);
    }
}
