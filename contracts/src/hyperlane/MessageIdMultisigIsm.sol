// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {IInterchainSecurityModule} from "../metalayer/interfaces/IInterchainSecurityModule.sol";
import {Message} from "../metalayer/libs/Message.sol";
import {IMessageIdMultisigIsm} from "./interfaces/IMessageIdMultisigIsm.sol";
import {Checkpoint} from "./libs/Checkpoint.sol";

/// @title MessageIdMultisigIsm
/// @notice Implements {IMessageIdMultisigIsm}, which documents it.
/// @dev Modules are clones of one contract; validators and threshold are the clone's immutable arguments, so
/// that nobody can change them.
contract MessageIdMultisigIsm is IMessageIdMultisigIsm {
    using Message for bytes;

    uint256 private constant ROOT = 32;
    uint256 private constant INDEX = 64;
    uint256 private constant SIGNATURES = 68;
    uint256 private constant SIGNATURE_LENGTH = 65;

    address private immutable _self = address(this);

    /// @inheritdoc IInterchainSecurityModule
    function verify(bytes calldata metadata, bytes calldata message)
        external
        view
        override
        returns (bool)
    {
        (address[] memory validators, uint8 threshold) = _arguments();
        uint256 given = signatureCount(metadata);
        if (given < threshold) revert TooFewSignatures(threshold, given);
        bytes32 digest = Checkpoint.digest(
            message.origin(),
            bytes32(metadata[:ROOT]),
            bytes32(metadata[ROOT:INDEX]),
            uint32(bytes4(metadata[INDEX:SIGNATURES])),
            message.id()
        );
        uint256 next = 0;
        for (uint256 i = 0; i < threshold; ++i) {
            address signer = ECDSA.recoverCalldata(digest, _signature(metadata, i));
            while (next < validators.length && validators[next] != signer) ++next;
            if (next == validators.length) revert NotByValidator(i, signer);
            ++next;
        }
        return true;
    }

    /// @inheritdoc IMessageIdMultisigIsm
    function validatorsAndThreshold(bytes calldata)
        external
        view
        override
        returns (address[] memory, uint8)
    {
        return _arguments();
    }

    /// @inheritdoc IInterchainSecurityModule
    function moduleType() external pure override returns (uint8) {
        return uint8(Types.MESSAGE_ID_MULTISIG);
    }

    /// @inheritdoc IMessageIdMultisigIsm
    function signatureCount(bytes calldata metadata) public pure override returns (uint256) {
        if (metadata.length < SIGNATURES) return 0;
        return (metadata.length - SIGNATURES) / SIGNATURE_LENGTH;
    }

    function _arguments() private view returns (address[] memory validators, uint8 threshold) {
        if (address(this) == _self) revert NotAModule();
        return abi.decode(Clones.fetchCloneArgs(address(this)), (address[], uint8));
    }

    function _signature(bytes calldata metadata, uint256 place)
        private
        pure
        returns (bytes calldata)
    {
        uint256 start = SIGNATURES + place * SIGNATURE_LENGTH;
        return metadata[start:start + SIGNATURE_LENGTH];
    }
}
