// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {IMailbox} from "../metalayer/interfaces/IMailbox.sol";
import {Message} from "../metalayer/libs/Message.sol";
import {IValidatorAnnounce} from "./interfaces/IValidatorAnnounce.sol";
import {Checkpoint} from "./libs/Checkpoint.sol";

/// @title ValidatorAnnounce
/// @notice Implements {IValidatorAnnounce}, which documents it.
contract ValidatorAnnounce is IValidatorAnnounce {
    using EnumerableSet for EnumerableSet.AddressSet;
    using EnumerableSet for EnumerableSet.StringSet;

    /// @inheritdoc IValidatorAnnounce
    IMailbox public immutable override mailbox;

    EnumerableSet.AddressSet private _validators;
    mapping(address validator => EnumerableSet.StringSet) private _locations;

    constructor(address mailbox_) {
        mailbox = IMailbox(mailbox_);
    }

    /// @inheritdoc IValidatorAnnounce
    function announce(address validator, string calldata storageLocation, bytes calldata signature)
        external
        override
        returns (bool)
    {
        address signer = ECDSA.recoverCalldata(getAnnouncementDigest(storageLocation), signature);
        if (signer != validator) revert NotSignedByValidator(validator, signer);
        if (!_locations[validator].add(storageLocation)) {
            revert AlreadyAnnounced(validator, storageLocation);
        }
        _validators.add(validator);
        emit ValidatorAnnouncement(validator, storageLocation);
        return true;
    }

    /// @inheritdoc IValidatorAnnounce
    function getAnnouncedValidators() external view override returns (address[] memory) {
        return _validators.values();
    }

    /// @inheritdoc IValidatorAnnounce
    function getAnnouncedStorageLocations(address[] calldata validators)
        external
        view
        override
        returns (string[][] memory locations)
    {
        locations = new string[][](validators.length);
        for (uint256 i = 0; i < validators.length; ++i) {
            locations[i] = _locations[validators[i]].values();
        }
    }

    /// @inheritdoc IValidatorAnnounce
    function getAnnouncementDigest(string calldata storageLocation)
        public
        view
        override
        returns (bytes32)
    {
        bytes32 mailbox_ = Message.toBytes32(address(mailbox));
        return Checkpoint.announcementDigest(localDomain(), mailbox_, storageLocation);
    }

    /// @inheritdoc IValidatorAnnounce
    function localDomain() public view override returns (uint32) {
        return mailbox.localDomain();
    }
}
