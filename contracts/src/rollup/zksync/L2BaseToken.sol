// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {NotHere} from "../libs/NotHere.sol";
import {Predeploys} from "../libs/Predeploys.sol";
import {IL1Block} from "../predeploys/interfaces/IL1Block.sol";
import {IL2ToL1MessagePasser} from "../predeploys/interfaces/IL2ToL1MessagePasser.sol";
import {IL1Messenger} from "./interfaces/IL1Messenger.sol";
import {IL2BaseToken} from "./interfaces/IL2BaseToken.sol";
import {L2Messages} from "./libs/L2Messages.sol";

/// @title L2BaseToken
/// @notice Implements {IL2BaseToken}, which documents it.
/// @dev Stands at 0x000000000000000000000000000000000000800A from genesis on, without storage.
contract L2BaseToken is IL2BaseToken, NotHere {
    /// @inheritdoc IL2BaseToken
    uint256 public constant override WITHDRAW_GAS_LIMIT = 100_000;
    /// @inheritdoc IL2BaseToken
    uint8 public constant override decimals = 18;

    /// @dev With which a withdrawal's message begins: `finalizeEthWithdrawal` of the ZK Stack's mailbox.
    bytes4 private constant FINALIZE =
        bytes4(keccak256("finalizeEthWithdrawal(uint256,uint256,uint16,bytes,bytes32[])"));

    /// @inheritdoc IL2BaseToken
    function withdraw(address l1Receiver) external payable override {
        emit Withdrawal(msg.sender, l1Receiver, msg.value);
        _withdraw(l1Receiver, abi.encodePacked(FINALIZE, l1Receiver, msg.value));
    }

    /// @inheritdoc IL2BaseToken
    function withdrawWithMessage(address l1Receiver, bytes calldata additionalData)
        external
        payable
        override
    {
        emit WithdrawalWithMessage(msg.sender, l1Receiver, msg.value, additionalData);
        _withdraw(
            l1Receiver,
            abi.encodePacked(FINALIZE, l1Receiver, msg.value, msg.sender, additionalData)
        );
    }

    /// @inheritdoc IL2BaseToken
    function name() external view override returns (string memory) {
        return IL1Block(Predeploys.L1_BLOCK).gasPayingTokenName();
    }

    /// @inheritdoc IL2BaseToken
    function symbol() external view override returns (string memory) {
        return IL1Block(Predeploys.L1_BLOCK).gasPayingTokenSymbol();
    }

    /// @inheritdoc IL2BaseToken
    function balanceOf(uint256 account) external view override returns (uint256) {
        return address(uint160(account)).balance;
    }

    /// @dev The message says what happens, to whoever shows it on the L1; the passer has the coins paid.
    function _withdraw(address l1Receiver, bytes memory message) private {
        IL1Messenger(L2Messages.L1_MESSENGER).sendToL1(message);
        IL2ToL1MessagePasser(Predeploys.L2_TO_L1_MESSAGE_PASSER)
        .initiateWithdrawal{value: msg.value}(
            l1Receiver, WITHDRAW_GAS_LIMIT, ""
        );
    }
}
