// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IProofVerifier, PublicInputs} from "./IProofVerifier.sol";

/// @title IAttestationVerifier
/// @notice Takes a prover's signature for a proof: it executed the blocks again and says so. Whoever
/// has its key is believed, which a zkVM's verifier in this place would end.
/// @dev A proof is the 65 bytes r, s, v of a signature over {digest}.
interface IAttestationVerifier is IProofVerifier {
    /// @notice Emitted when a rollup's prover is named.
    event ProverSet(uint256 indexed chainId, address prover);

    /// @notice Thrown when a prover is the zero address.
    error ProverZero();

    /// @notice Names the prover of a rollup, or another one for it. Only the owner's.
    function setProver(uint256 chainId, address prover) external;

    /// @notice Whose signatures are proofs for the rollup `chainId`; zero: nobody's.
    function proverOf(uint256 chainId) external view returns (address);

    /// @notice What a prover signs: EIP-712, with the domain "Caldera AttestationVerifier", version
    /// "1", of this contract on its chain.
    function digest(PublicInputs calldata inputs) external view returns (bytes32);
}
