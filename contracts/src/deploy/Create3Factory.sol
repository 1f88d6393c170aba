// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Create3} from "@openzeppelin/contracts/utils/Create3.sol";
import {ICreate3Factory} from "./interfaces/ICreate3Factory.sol";

/// @title Create3Factory
/// @notice Implements {ICreate3Factory}, which documents it.
contract Create3Factory is ICreate3Factory {
    /// @inheritdoc ICreate3Factory
    function deploy(bytes32 salt, bytes calldata initCode)
        external
        payable
        override
        returns (address account)
    {
        account = Create3.computeAddress(salt);
        if (account.code.length != 0) revert AlreadyDeployed(salt, account);
        Create3.deploy(msg.value, salt, initCode);
        emit Deployed(salt, account);
    }

    /// @inheritdoc ICreate3Factory
    function addressOf(bytes32 salt) external view override returns (address) {
        return Create3.computeAddress(salt);
    }
}
