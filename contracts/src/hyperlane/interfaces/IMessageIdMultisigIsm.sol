// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IInterchainSecurityModule} from "../../metalayer/interfaces/IInterchainSecurityModule.sol";

/// @title IMessageIdMultisigIsm
/// @notice Accepts the messages whose checkpoint enough validators have signed (Hyperlane v3,
/// `MESSAGE_ID_MULTISIG`): the module that stock Hyperlane relayers know.
/// @dev Trusted for it: `threshold` of the validators. {verify} returns true or reverts with one of these
/// errors. Metadata: the origin's tree hook (32 bytes), root (32), index (4), then signatures of 65 bytes
/// in the order of the validators.
interface IMessageIdMultisigIsm is IInterchainSecurityModule {
    /// @notice Thrown when metadata holds fewer signatures than the threshold.
    error TooFewSignatures(uint256 threshold, uint256 given);

    /// @notice Thrown when the signature at `place` is by none of the validators that may still come.
    error NotByValidator(uint256 place, address signer);

    /// @notice Thrown by the code that modules share when it is called at its own address.
    error NotAModule();

    /// @notice Who must sign `message`, the same for all messages.
    /// @return validators In the order that their signatures must have.
    /// @return threshold How many must sign.
    function validatorsAndThreshold(bytes calldata message)
        external
        view
        returns (address[] memory validators, uint8 threshold);

    /// @notice How many signatures `metadata` has room for.
    function signatureCount(bytes calldata metadata) external pure returns (uint256);
}
