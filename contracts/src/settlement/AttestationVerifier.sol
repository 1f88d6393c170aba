// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {
    EIP712Upgradeable
} from "@openzeppelin/contracts-upgradeable/utils/cryptography/EIP712Upgradeable.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Governed} from "../metalayer/Governed.sol";
import {IAttestationVerifier} from "./interfaces/IAttestationVerifier.sol";
import {IProofVerifier, PublicInputs} from "./interfaces/IProofVerifier.sol";

/// @title AttestationVerifier
/// @notice Implements {IAttestationVerifier}, which documents it.
contract AttestationVerifier is IAttestationVerifier, Governed, EIP712Upgradeable {
    bytes32 private constant TYPE_HASH = keccak256(
        "PublicInputs(uint256 chainId,bytes32 previousBlockHash,bytes32 previousStateRoot,"
        "bytes32 blockHash,bytes32 stateRoot,bytes32 messagePasserStorageRoot,"
        "bytes32 batchCommitment)"
    );

    /// @inheritdoc IAttestationVerifier
    mapping(uint256 chainId => address) public override proverOf;

    function initialize(address owner_) external initializer {
        __Ownable_init(owner_);
        __EIP712_init("Caldera AttestationVerifier", "1");
    }

    /// @inheritdoc IAttestationVerifier
    function setProver(uint256 chainId, address prover) external override onlyOwner {
        if (prover == address(0)) revert ProverZero();
        proverOf[chainId] = prover;
        emit ProverSet(chainId, prover);
    }

    /// @inheritdoc IProofVerifier
    function verify(PublicInputs calldata inputs, bytes calldata proof)
        external
        view
        override
        returns (bool)
    {
        (address signer, ECDSA.RecoverError problem,) =
            ECDSA.tryRecover(digest(inputs), bytes(proof));
        return problem == ECDSA.RecoverError.NoError && signer == proverOf[inputs.chainId];
    }

    /// @inheritdoc IAttestationVerifier
    function digest(PublicInputs calldata inputs) public view override returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(TYPE_HASH, inputs)));
    }
}
