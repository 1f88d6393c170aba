// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Predeploys} from "../libs/Predeploys.sol";
import {IL1Block} from "./interfaces/IL1Block.sol";
import {IWETH} from "./interfaces/IWETH.sol";

/// @title WETH
/// @notice Implements {IWETH}, which documents it; called after what the rollup's coin is.
/// @dev Stands at 0x4200000000000000000000000000000000000006 from genesis on, without a proxy and
/// without having been constructed.
contract WETH is IWETH, ERC20("", "") {
    /// @notice Coins without a call become tokens.
    receive() external payable {
        deposit();
    }

    /// @notice And so do those of a call that nothing here answers: WETH9 does that.
    fallback() external payable {
        deposit();
    }

    /// @inheritdoc IWETH
    function withdraw(uint256 wad) external override {
        _burn(msg.sender, wad);
        emit Withdrawal(msg.sender, wad);
        Address.sendValue(payable(msg.sender), wad);
    }

    /// @notice Version of this ABI.
    function version() external pure returns (string memory) {
        return "1.1.1";
    }

    /// @inheritdoc IWETH
    function deposit() public payable override {
        _mint(msg.sender, msg.value);
        emit Deposit(msg.sender, msg.value);
    }

    /// @inheritdoc IERC20
    /// @dev Nobody needs to be allowed to move their own, as with WETH9.
    function transferFrom(address from, address to, uint256 value)
        public
        override(ERC20, IERC20)
        returns (bool)
    {
        if (from == msg.sender) return transfer(to, value);
        return super.transferFrom(from, to, value);
    }

    function name() public view override returns (string memory) {
        return string.concat("Wrapped ", IL1Block(Predeploys.L1_BLOCK).gasPayingTokenName());
    }

    function symbol() public view override returns (string memory) {
        return string.concat("W", IL1Block(Predeploys.L1_BLOCK).gasPayingTokenSymbol());
    }
}
