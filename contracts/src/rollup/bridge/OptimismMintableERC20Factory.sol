// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {Predeploys} from "../libs/Predeploys.sol";
import {OptimismMintableERC20} from "./OptimismMintableERC20.sol";
import {IOptimismMintableERC20Factory} from "./interfaces/IOptimismMintableERC20Factory.sol";

/// @title OptimismMintableERC20Factory
/// @notice Implements {IOptimismMintableERC20Factory}, which documents it.
/// @dev Stands at 0x4200000000000000000000000000000000000012 from genesis on, without a proxy.
contract OptimismMintableERC20Factory is IOptimismMintableERC20Factory {
    uint8 private constant DECIMALS = 18;

    /// @inheritdoc IOptimismMintableERC20Factory
    mapping(address localToken => address) public override deployments;

    /// @inheritdoc IOptimismMintableERC20Factory
    function createOptimismMintableERC20(
        address remoteToken,
        string memory name,
        string memory symbol
    ) external override returns (address) {
        return createOptimismMintableERC20WithDecimals(remoteToken, name, symbol, DECIMALS);
    }

    /// @inheritdoc IOptimismMintableERC20Factory
    function createStandardL2Token(address remoteToken, string memory name, string memory symbol)
        external
        override
        returns (address)
    {
        return createOptimismMintableERC20WithDecimals(remoteToken, name, symbol, DECIMALS);
    }

    /// @inheritdoc IOptimismMintableERC20Factory
    function tokenAddress(
        address remoteToken,
        string memory name,
        string memory symbol,
        uint8 decimals
    ) external view override returns (address) {
        bytes memory arguments = abi.encode(bridge(), remoteToken, name, symbol, decimals);
        bytes memory code = abi.encodePacked(type(OptimismMintableERC20).creationCode, arguments);
        return Create2.computeAddress(_salt(arguments), keccak256(code));
    }

    /// @inheritdoc IOptimismMintableERC20Factory
    function createOptimismMintableERC20WithDecimals(
        address remoteToken,
        string memory name,
        string memory symbol,
        uint8 decimals
    ) public override returns (address localToken) {
        if (remoteToken == address(0)) revert RemoteTokenZero();
        bytes memory arguments = abi.encode(bridge(), remoteToken, name, symbol, decimals);
        bytes memory code = abi.encodePacked(type(OptimismMintableERC20).creationCode, arguments);
        localToken = Create2.deploy(0, _salt(arguments), code);
        deployments[localToken] = remoteToken;
        emit StandardL2TokenCreated(remoteToken, localToken);
        emit OptimismMintableERC20Created(localToken, remoteToken, msg.sender);
    }

    /// @inheritdoc IOptimismMintableERC20Factory
    function bridge() public pure override returns (address) {
        return Predeploys.L2_STANDARD_BRIDGE;
    }

    function _salt(bytes memory arguments) private pure returns (bytes32) {
        return keccak256(arguments);
    }
}
