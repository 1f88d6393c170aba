// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {PolygonZkEVMBridge} from "./PolygonZkEVMBridge.sol";
import {IExitRoots} from "./interfaces/IExitRoots.sol";

/// @title L2PolygonZkEVMBridge
/// @notice The rollup's end of {IPolygonZkEVMBridge}.
/// @dev Stands at 0x2a3DD3EB832aF982ec71669E178424b10Dca2EDe from genesis on, without a proxy, with more
/// coins than there ever are on the L1. It hands out what the L1's end has locked, and counts that: no
/// more than this can leave through it, so no claim on the L1 lacks coins.
contract L2PolygonZkEVMBridge is PolygonZkEVMBridge {
    IExitRoots private constant MANAGER = IExitRoots(0xa40D5f56745a118D0906a34E69aeC8C0Db1cB8fA);

    function networkID() public pure override returns (uint32) {
        return 1;
    }

    function globalExitRootManager() public pure override returns (IExitRoots) {
        return MANAGER;
    }

    function _takeCoins(uint256 amount) internal override {
        _lower(address(0), amount);
    }

    function _giveCoins(uint256 amount) internal override {
        escrowed[address(0)] += amount;
    }

    function _checkToken(address) internal pure override {}
}
