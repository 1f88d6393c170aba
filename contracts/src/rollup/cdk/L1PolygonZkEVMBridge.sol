// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Governed} from "../../metalayer/Governed.sol";
import {IOptimismPortal} from "../interfaces/IOptimismPortal.sol";
import {GasTokens} from "../libs/GasTokens.sol";
import {PolygonZkEVMBridge} from "./PolygonZkEVMBridge.sol";
import {IExitRoots} from "./interfaces/IExitRoots.sol";
import {IGlobalExitRootManager} from "./interfaces/IGlobalExitRootManager.sol";

/// @title L1PolygonZkEVMBridge
/// @notice The L1's end of one rollup's {IPolygonZkEVMBridge}.
contract L1PolygonZkEVMBridge is PolygonZkEVMBridge, Governed {
    IGlobalExitRootManager private _manager;

    function initialize(address owner_, IGlobalExitRootManager manager_) external initializer {
        __Ownable_init(owner_);
        _manager = manager_;
    }

    function networkID() public pure override returns (uint32) {
        return 0;
    }

    function globalExitRootManager() public view override returns (IExitRoots) {
        return _manager;
    }

    function _takeCoins(uint256 amount) internal override {
        if (_gasToken() != GasTokens.ETHER) revert NotOnGasTokenNetworks();
        escrowed[address(0)] += amount;
    }

    function _giveCoins(uint256 amount) internal override {
        _lower(address(0), amount);
    }

    function _checkToken(address token) internal view override {
        if (_gasToken() == token) revert NotOnGasTokenNetworks();
    }

    /// @dev The rollup's coin.
    function _gasToken() private view returns (address token) {
        (token,) = IOptimismPortal(_manager.portal()).gasPayingToken();
    }
}
