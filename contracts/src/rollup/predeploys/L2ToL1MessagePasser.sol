// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {GasTokens} from "../libs/GasTokens.sol";
import {Predeploys} from "../libs/Predeploys.sol";
import {IL1Block} from "./interfaces/IL1Block.sol";
import {IL2ToL1MessagePasser} from "./interfaces/IL2ToL1MessagePasser.sol";

/// @title L2ToL1MessagePasser
/// @notice Implements {IL2ToL1MessagePasser}, which documents it.
/// @dev Stands at 0x4200000000000000000000000000000000000016 from genesis on, without a proxy.
contract L2ToL1MessagePasser is IL2ToL1MessagePasser {
    /// @notice Gas for the L1's side of a withdrawal made by sending coins here.
    uint256 public constant RECEIVE_DEFAULT_GAS_LIMIT = 100_000;
    /// @notice Version of the encoding of withdrawals.
    uint16 public constant MESSAGE_VERSION = 1;

    /// @inheritdoc IL2ToL1MessagePasser
    mapping(bytes32 withdrawalHash => bool) public override sentMessages;
    uint240 private _nonce;

    /// @notice Withdraws to the sender's own address.
    receive() external payable {
        initiateWithdrawal(msg.sender, RECEIVE_DEFAULT_GAS_LIMIT, "");
    }

    /// @inheritdoc IL2ToL1MessagePasser
    function burn() external override {
        uint256 amount = address(this).balance;
        new Burner{value: amount}();
        emit WithdrawerBalanceBurnt(amount);
    }

    /// @inheritdoc IL2ToL1MessagePasser
    function initiateWithdrawal(address target, uint256 gasLimit, bytes memory data)
        public
        payable
        override
    {
        if (msg.value != 0) _checkUnits(msg.value);
        uint256 nonce = messageNonce();
        bytes32 withdrawalHash =
            keccak256(abi.encode(nonce, msg.sender, target, msg.value, gasLimit, data));
        sentMessages[withdrawalHash] = true;
        unchecked {
            ++_nonce;
        }
        emit MessagePassed(nonce, msg.sender, target, msg.value, gasLimit, data, withdrawalHash);
    }

    /// @inheritdoc IL2ToL1MessagePasser
    function messageNonce() public view override returns (uint256) {
        return (uint256(MESSAGE_VERSION) << 240) | _nonce;
    }

    /// @dev On the L1 it is paid in whole units of the token that is the coin.
    function _checkUnits(uint256 value) private view {
        (, uint8 decimals) = IL1Block(Predeploys.L1_BLOCK).gasPayingToken();
        uint256 unit = GasTokens.scaleOf(decimals);
        if (value % unit != 0) revert DustNotWithdrawable(value, unit);
    }
}

    /// @dev Destroys itself while it is created (EIP-6780 leaves that), and the coins with it.
    contract Burner {
        constructor() payable {
            selfdestruct(payable(address(this)));
        }
    }
