// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {IAggregateRootIsm} from "./interfaces/IAggregateRootIsm.sol";
import {IRootVerifier} from "./interfaces/IRootVerifier.sol";
import {
    Attested,
    IStateVerifier,
    ProvenAccount,
    ProvenSlot,
    StateProof
} from "./interfaces/IStateVerifier.sol";
import {Leaf} from "./libs/Leaf.sol";
import {MetaProof} from "./libs/MetaProof.sol";
import {StateTrie} from "./libs/StateTrie.sol";

/// @title StateVerifier
/// @notice Implements {IStateVerifier}, which documents it.
contract StateVerifier is IStateVerifier {
    using MetaProof for bytes;

    /// @inheritdoc IStateVerifier
    IRootVerifier public immutable override rootVerifier;

    constructor(address rootVerifier_) {
        rootVerifier = IRootVerifier(rootVerifier_);
    }

    /// @inheritdoc IStateVerifier
    function verifyLeaf(bytes calldata leafProof)
        public
        view
        override
        returns (Attested memory attested)
    {
        attested = _attested(leafProof);
        uint256 end = leafProof.messagePathOffset();
        if (leafProof.length != end) {
            revert IAggregateRootIsm.MetadataLength(end, leafProof.length);
        }
    }

    /// @inheritdoc IStateVerifier
    function verifyMessage(bytes calldata metaProof, bytes32 messageId)
        external
        view
        override
        returns (Attested memory attested)
    {
        attested = _attested(metaProof);
        metaProof.checkMessage(messageId);
    }

    /// @inheritdoc IStateVerifier
    function verifyStorage(StateProof calldata proof)
        external
        view
        override
        returns (Attested memory attested, bytes32[] memory values)
    {
        attested = verifyLeaf(proof.leaf);
        bytes[] memory nodes = proof.nodes;
        bytes32[] memory storageRoots = new bytes32[](proof.accounts.length);
        for (uint256 i = 0; i < storageRoots.length; ++i) {
            storageRoots[i] = _storageRoot(attested.stateRoot, proof.accounts[i], nodes);
        }
        values = new bytes32[](proof.slots.length);
        for (uint256 i = 0; i < values.length; ++i) {
            values[i] = _value(storageRoots, proof.slots[i], nodes);
        }
    }

    /// @dev Reverts unless leaf and paths lead to the certified root of the epoch that they name.
    function _attested(bytes calldata proof) private view returns (Attested memory) {
        proof.checkForm();
        uint8 finality = proof.finality();
        if (finality > Leaf.FINALIZED) revert IAggregateRootIsm.UnsupportedLeafFinality(finality);
        uint64 epoch = proof.epoch();
        bytes32 certified = rootVerifier.aggregateRoots(epoch);
        if (certified == 0) revert IAggregateRootIsm.UnknownEpoch(epoch);
        bytes32 computed = proof.aggregateRoot();
        if (computed != certified) {
            revert IAggregateRootIsm.InvalidAggregateProof(certified, computed);
        }
        return Attested({
            epoch: epoch,
            domain: proof.domain(),
            blockNumber: proof.blockNumber(),
            blockHash: proof.blockHash(),
            stateRoot: proof.stateRoot(),
            finality: finality
        });
    }

    /// @dev The third of nonce, balance, storage root and code hash.
    function _storageRoot(bytes32 stateRoot, ProvenAccount calldata proven, bytes[] memory nodes)
        private
        pure
        returns (bytes32)
    {
        bytes32 key = keccak256(abi.encodePacked(proven.account));
        bytes memory encoded = StateTrie.get(stateRoot, key, nodes, proven.path);
        (bool found, bytes memory storageRoot) = StateTrie.field(encoded, 2, 4);
        if (!found || storageRoot.length != 32) revert AccountNotFound(proven.account);
        return bytes32(storageRoot);
    }

    function _value(bytes32[] memory roots, ProvenSlot calldata slot, bytes[] memory nodes)
        private
        pure
        returns (bytes32)
    {
        if (slot.owner >= roots.length) revert OwnerOutOfRange(slot.owner, roots.length);
        bytes32 key = keccak256(abi.encode(slot.key));
        bytes memory value = StateTrie.get(roots[slot.owner], key, nodes, slot.path);
        if (value.length == 0) return 0;
        (bool found, uint256 number) = StateTrie.number(value);
        if (!found) revert InvalidTrieProof(roots[slot.owner], slot.path.length / 2);
        return bytes32(number);
    }
}
