// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @notice What a validity proof is about: from one block of a rollup to a later one, by the batches
/// on the L1 and nothing else.
/// @param chainId Of the rollup.
/// @param previousBlockHash Block of the output before; the genesis for the first.
/// @param previousStateRoot Its state root.
/// @param blockHash Block of the output.
/// @param stateRoot Its state root.
/// @param messagePasserStorageRoot Storage root of the message passer in that state.
/// @param batchCommitment What {IBatchInbox} holds once the block is posted.
struct PublicInputs {
    uint256 chainId;
    bytes32 previousBlockHash;
    bytes32 previousStateRoot;
    bytes32 blockHash;
    bytes32 stateRoot;
    bytes32 messagePasserStorageRoot;
    bytes32 batchCommitment;
}

/// @title IProofVerifier
/// @notice Tells a valid proof from others. A zkVM's verifier fits behind it: its public values are
/// `keccak256(abi.encode(inputs))`.
interface IProofVerifier {
    /// @notice Whether `proof` shows that `inputs` are true.
    /// @dev False, and no revert, for whatever is no proof of them.
    function verify(PublicInputs calldata inputs, bytes calldata proof) external view returns (bool);
}
