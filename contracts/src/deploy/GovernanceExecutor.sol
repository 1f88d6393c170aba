// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Call, IGovernanceExecutor} from "./interfaces/IGovernanceExecutor.sol";

/// @title GovernanceExecutor
/// @notice Implements {IGovernanceExecutor}, which documents it.
/// @dev The owner lies in slot 0, which a devnet's genesis sets to its governor.
contract GovernanceExecutor is IGovernanceExecutor, Ownable {
    constructor(address owner_) Ownable(owner_) {}

    receive() external payable {}

    /// @inheritdoc IGovernanceExecutor
    function execute(Call calldata call)
        external
        payable
        override
        onlyOwner
        returns (bytes memory)
    {
        return _execute(0, call);
    }

    /// @inheritdoc IGovernanceExecutor
    function executeBatch(Call[] calldata calls)
        external
        payable
        override
        onlyOwner
        returns (bytes[] memory results)
    {
        results = new bytes[](calls.length);
        for (uint256 i = 0; i < calls.length; ++i) {
            results[i] = _execute(i, calls[i]);
        }
    }

    function _execute(uint256 index, Call calldata call) private returns (bytes memory) {
        if (call.data.length != 0 && call.target.code.length == 0) {
            revert TargetNotContract(index, call.target);
        }
        (bool success, bytes memory result) = call.target.call{value: call.value}(call.data);
        if (!success) revert CallFailed(index, result);
        emit Executed(call.target, call.value, call.data);
        return result;
    }
}
