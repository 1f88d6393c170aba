// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {NotHere} from "../libs/NotHere.sol";
import {INodeInterface} from "./interfaces/INodeInterface.sol";

/// @title NodeInterface
/// @notice Implements {INodeInterface}, which documents it.
/// @dev Stands at 0x00000000000000000000000000000000000000C8 from genesis on, without storage.
contract NodeInterface is INodeInterface, NotHere {
    /// @inheritdoc INodeInterface
    function gasEstimateComponents(address, bool, bytes calldata)
        external
        payable
        override
        returns (uint64, uint64, uint256, uint256)
    {
        revert UseEthEstimateGas();
    }

    /// @inheritdoc INodeInterface
    function gasEstimateL1Component(address, bool, bytes calldata)
        external
        payable
        override
        returns (uint64, uint256, uint256)
    {
        return (0, block.basefee, 0);
    }

    /// @inheritdoc INodeInterface
    function estimateRetryableTicket(
        address,
        uint256,
        address,
        uint256,
        address,
        address,
        bytes calldata
    ) external pure override {
        revert NoRetryableTickets();
    }

    /// @inheritdoc INodeInterface
    function nitroGenesisBlock() external pure override returns (uint256) {
        return 0;
    }
}
