// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IRootVerifier} from "./IRootVerifier.sol";

/// @notice An account of the attested chain, and the way to it.
/// @param account Its address.
/// @param path Positions in the proof's nodes, two bytes each, from the state root down.
struct ProvenAccount {
    address account;
    bytes path;
}

/// @notice A storage slot, and the way to it.
/// @param owner Whose slot it is: position among the proof's accounts.
/// @param key The slot.
/// @param path Positions in the proof's nodes, two bytes each, from the account's storage root down.
struct ProvenSlot {
    uint256 owner;
    bytes32 key;
    bytes path;
}

/// @notice Takes storage slots of one chain to a certified aggregate root.
/// @param leaf Leaf proof: a meta-proof with message index 0 and without message path (docs/formats.md).
/// @param nodes Nodes of state and storage tries, RLP, each once however many paths go through it.
/// @param accounts Whose slots are proven.
/// @param slots What is proven.
struct StateProof {
    bytes leaf;
    bytes[] nodes;
    ProvenAccount[] accounts;
    ProvenSlot[] slots;
}

/// @notice What a certified epoch says of a chain.
/// @param epoch Number of the epoch.
/// @param domain The chain.
/// @param blockNumber Number of the attested block.
/// @param blockHash Its hash.
/// @param stateRoot Its state root.
/// @param finality 0 INSTANT, 1 FINALIZED.
struct Attested {
    uint64 epoch;
    uint32 domain;
    uint64 blockNumber;
    bytes32 blockHash;
    bytes32 stateRoot;
    uint8 finality;
}

/// @title Checks what other chains hold, against certified aggregate roots
/// @notice Trusted for it: more than two thirds of the guardians' stake. The epoch's certificate must
/// have been submitted to {rootVerifier} on this chain before.
/// @dev Errors of the leaf's part are those of `IAggregateRootIsm`.
interface IStateVerifier {
    /// @notice Thrown when a trie node is missing, is another one, or is none.
    /// @param root Root of the trie that was walked.
    /// @param step Which node of the path, from 0 on.
    error InvalidTrieProof(bytes32 root, uint256 step);

    /// @notice Thrown when the state trie has no such account, or what it has there is none.
    error AccountNotFound(address account);

    /// @notice Thrown when a slot names an account that the proof does not have.
    error OwnerOutOfRange(uint256 owner, uint256 accounts);

    /// @notice What the epoch of a leaf proof says of a chain.
    function verifyLeaf(bytes calldata leafProof) external view returns (Attested memory);

    /// @notice Checks that a message is in the attested message tree of its origin.
    /// @param metaProof As metadata of `AggregateRootIsm`.
    function verifyMessage(bytes calldata metaProof, bytes32 messageId)
        external
        view
        returns (Attested memory);

    /// @notice Values of all slots in `proof`, in its order; zero where the proof shows that a slot is unset.
    function verifyStorage(StateProof calldata proof)
        external
        view
        returns (Attested memory attested, bytes32[] memory values);

    /// @notice Keeps the certified aggregate roots.
    function rootVerifier() external view returns (IRootVerifier);
}
