// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IMailbox} from "../../metalayer/interfaces/IMailbox.sol";

/// @title IValidatorAnnounce
/// @notice Where validators say in which places they keep the checkpoints that they sign (Hyperlane v3).
/// @dev Trusted for nothing: an announcement is signed by the validator whom it concerns, and checkpoints
/// found through it are checked by the modules that want them.
interface IValidatorAnnounce {
    /// @notice Emitted for each new announcement.
    event ValidatorAnnouncement(address indexed validator, string storageLocation);

    /// @notice Thrown when the validator has announced that place before.
    error AlreadyAnnounced(address validator, string storageLocation);

    /// @notice Thrown when the announcement is signed by somebody else.
    error NotSignedByValidator(address validator, address signer);

    /// @notice Adds a place where `validator` keeps checkpoints. Anybody may bring it.
    /// @param validator Whose announcement it is.
    /// @param storageLocation A URL: `file://…`, `s3://BUCKET/REGION/FOLDER` …
    /// @param signature The validator's, over {getAnnouncementDigest}.
    /// @return Always true.
    function announce(address validator, string calldata storageLocation, bytes calldata signature)
        external
        returns (bool);

    /// @notice The mailbox of whose messages the announced checkpoints tell.
    function mailbox() external view returns (IMailbox);

    /// @notice The mailbox's domain.
    function localDomain() external view returns (uint32);

    /// @notice Everybody who has announced a place, in order of their first.
    function getAnnouncedValidators() external view returns (address[] memory);

    /// @notice The places of each of `validators`, oldest first.
    function getAnnouncedStorageLocations(address[] calldata validators)
        external
        view
        returns (string[][] memory);

    /// @notice What a validator signs to announce `storageLocation`: an EIP-191 digest.
    function getAnnouncementDigest(string calldata storageLocation) external view returns (bytes32);
}
