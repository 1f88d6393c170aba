// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IMessageIdMultisigIsmFactory} from "./interfaces/IMessageIdMultisigIsmFactory.sol";

/// @title MessageIdMultisigIsmFactory
/// @notice Implements {IMessageIdMultisigIsmFactory}, which documents it.
contract MessageIdMultisigIsmFactory is IMessageIdMultisigIsmFactory {
    /// @inheritdoc IMessageIdMultisigIsmFactory
    address public immutable override implementation;

    /// @param implementation_ A `MessageIdMultisigIsm`.
    constructor(address implementation_) {
        implementation = implementation_;
    }

    /// @inheritdoc IMessageIdMultisigIsmFactory
    function deploy(address[] calldata validators, uint8 threshold)
        external
        override
        returns (address module)
    {
        _check(validators, threshold);
        module = getAddress(validators, threshold);
        if (module.code.length != 0) return module;
        bytes memory arguments = abi.encode(validators, threshold);
        return Clones.cloneDeterministicWithImmutableArgs(implementation, arguments, 0);
    }

    /// @inheritdoc IMessageIdMultisigIsmFactory
    function getAddress(address[] calldata validators, uint8 threshold)
        public
        view
        override
        returns (address)
    {
        bytes memory arguments = abi.encode(validators, threshold);
        return Clones.predictDeterministicAddressWithImmutableArgs(implementation, arguments, 0);
    }

    function _check(address[] calldata validators, uint8 threshold) private pure {
        if (threshold == 0 || threshold > validators.length) {
            revert InvalidThreshold(threshold, validators.length);
        }
        for (uint256 i = 1; i < validators.length; ++i) {
            for (uint256 j = 0; j < i; ++j) {
                if (validators[i] == validators[j]) revert DuplicateValidator(validators[i]);
            }
        }
    }
}
