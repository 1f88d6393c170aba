// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IPostDispatchHook} from "../metalayer/interfaces/IPostDispatchHook.sol";
import {IAggregationHook} from "./interfaces/IAggregationHook.sol";

/// @title AggregationHook
/// @notice Implements {IAggregationHook}, which documents it.
contract AggregationHook is IAggregationHook {
    address private immutable _required;
    IPostDispatchHook private immutable _other;

    constructor(address required, address other) {
        _required = required;
        _other = IPostDispatchHook(other);
    }

    /// @inheritdoc IPostDispatchHook
    function postDispatch(bytes calldata metadata, bytes calldata message)
        external
        payable
        override
    {
        _other.postDispatch{value: msg.value}(metadata, message);
    }

    /// @inheritdoc IAggregationHook
    function hooks(bytes calldata) external view override returns (address[] memory found) {
        found = new address[](2);
        (found[0], found[1]) = (_required, address(_other));
    }

    /// @inheritdoc IPostDispatchHook
    function quoteDispatch(bytes calldata metadata, bytes calldata message)
        external
        view
        override
        returns (uint256)
    {
        return _other.quoteDispatch(metadata, message);
    }

    /// @inheritdoc IPostDispatchHook
    function supportsMetadata(bytes calldata metadata) external view override returns (bool) {
        return _other.supportsMetadata(metadata);
    }

    /// @inheritdoc IPostDispatchHook
    function hookType() external pure override returns (uint8) {
        return uint8(HookTypes.AGGREGATION);
    }
}
