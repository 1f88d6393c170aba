// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title TokenWrapped
/// @notice Stands for a token of the other chain's, by Polygon's ABI. Made and moved by the bridge.
contract TokenWrapped is ERC20, ERC20Permit {
    /// @notice Who mints and burns.
    address public immutable bridgeAddress;
    uint8 private immutable _decimals;

    /// @notice Thrown for whoever mints or burns and is not the bridge.
    error NotBridge(address caller);

    modifier onlyBridge() {
        if (msg.sender != bridgeAddress) revert NotBridge(msg.sender);
        _;
    }

    constructor(string memory name_, string memory symbol_, uint8 decimals_)
        ERC20(name_, symbol_)
        ERC20Permit(name_)
    {
        bridgeAddress = msg.sender;
        _decimals = decimals_;
    }

    /// @notice What arrives.
    function mint(address to, uint256 value) external onlyBridge {
        _mint(to, value);
    }

    /// @notice What leaves.
    function burn(address account, uint256 value) external onlyBridge {
        _burn(account, value);
    }

    function decimals() public view override returns (uint8) {
        return _decimals;
    }
}
