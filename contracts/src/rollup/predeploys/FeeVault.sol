// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {GasTokens} from "../libs/GasTokens.sol";
import {Predeploys} from "../libs/Predeploys.sol";
import {IFeeVault} from "./interfaces/IFeeVault.sol";
import {IL1Block} from "./interfaces/IL1Block.sol";
import {IL2ToL1MessagePasser} from "./interfaces/IL2ToL1MessagePasser.sol";

/// @title FeeVault
/// @notice Implements {IFeeVault}, which documents it.
/// @dev The same code stands for the SequencerFeeVault (0x4200000000000000000000000000000000000011),
/// BaseFeeVault (…19), L1FeeVault (…1A) and OperatorFeeVault (…1B) from genesis on, without proxies.
/// The genesis writes recipient, network and owner.
contract FeeVault is IFeeVault {
    /// @dev The OP Stack's: room for a recipient that is a contract.
    uint256 private constant WITHDRAWAL_GAS = 400_000;

    // The order of declaration is the OP Stack's layout, which the genesis writes.

    /// @inheritdoc IFeeVault
    uint256 public override totalProcessed;
    /// @inheritdoc IFeeVault
    uint256 public override minWithdrawalAmount;
    /// @inheritdoc IFeeVault
    address public override recipient;
    /// @inheritdoc IFeeVault
    WithdrawalNetwork public override withdrawalNetwork;
    /// @inheritdoc IFeeVault
    address public override proxyAdminOwner;

    modifier onlyProxyAdminOwner() {
        if (msg.sender != proxyAdminOwner) revert NotProxyAdminOwner(msg.sender);
        _;
    }

    /// @inheritdoc IFeeVault
    receive() external payable override {}

    /// @inheritdoc IFeeVault
    function withdraw() external override returns (uint256 value) {
        address to = recipient;
        if (to == address(0)) revert NoRecipient();
        bool toL1 = withdrawalNetwork == WithdrawalNetwork.L1;
        value = toL1 ? _wholeUnits(address(this).balance) : address(this).balance;
        if (value < minWithdrawalAmount) revert BelowMinimum(value, minWithdrawalAmount);
        totalProcessed += value;
        emit Withdrawal(value, to, msg.sender);
        emit Withdrawal(value, to, msg.sender, withdrawalNetwork);
        if (toL1) {
            IL2ToL1MessagePasser(Predeploys.L2_TO_L1_MESSAGE_PASSER)
            .initiateWithdrawal{value: value}(
                to, WITHDRAWAL_GAS, ""
            );
        } else {
            (bool taken,) = to.call{value: value}("");
            if (!taken) revert NotTaken(to);
        }
    }

    /// @inheritdoc IFeeVault
    function setMinWithdrawalAmount(uint256 newMinWithdrawalAmount)
        external
        override
        onlyProxyAdminOwner
    {
        emit MinWithdrawalAmountUpdated(minWithdrawalAmount, newMinWithdrawalAmount);
        minWithdrawalAmount = newMinWithdrawalAmount;
    }

    /// @inheritdoc IFeeVault
    function setRecipient(address newRecipient) external override onlyProxyAdminOwner {
        _setRecipient(newRecipient);
    }

    /// @inheritdoc IFeeVault
    function setWithdrawalNetwork(WithdrawalNetwork newWithdrawalNetwork)
        external
        override
        onlyProxyAdminOwner
    {
        _setWithdrawalNetwork(newWithdrawalNetwork);
    }

    /// @inheritdoc IFeeVault
    function setWithdrawalRoute(address newRecipient, WithdrawalNetwork newWithdrawalNetwork)
        external
        override
        onlyProxyAdminOwner
    {
        _setRecipient(newRecipient);
        _setWithdrawalNetwork(newWithdrawalNetwork);
    }

    /// @inheritdoc IFeeVault
    // forge-lint: disable-next-line(mixed-case-function)
    function MIN_WITHDRAWAL_AMOUNT() external view override returns (uint256) {
        return minWithdrawalAmount;
    }

    /// @inheritdoc IFeeVault
    // forge-lint: disable-next-line(mixed-case-function)
    function RECIPIENT() external view override returns (address) {
        return recipient;
    }

    /// @inheritdoc IFeeVault
    // forge-lint: disable-next-line(mixed-case-function)
    function WITHDRAWAL_NETWORK() external view override returns (WithdrawalNetwork) {
        return withdrawalNetwork;
    }

    /// @inheritdoc IFeeVault
    function l1FeeWallet() external view override returns (address) {
        return recipient;
    }

    /// @inheritdoc IFeeVault
    function version() external pure override returns (string memory) {
        return "1.7.0";
    }

    /// @dev What of `value` can go to the L1, where the rollup's coin may be a token of few decimals.
    function _wholeUnits(uint256 value) private view returns (uint256) {
        (, uint8 decimals) = IL1Block(Predeploys.L1_BLOCK).gasPayingToken();
        return value - value % GasTokens.scaleOf(decimals);
    }

    function _setRecipient(address newRecipient) private {
        if (newRecipient == address(0)) revert NoRecipient();
        emit RecipientUpdated(recipient, newRecipient);
        recipient = newRecipient;
    }

    function _setWithdrawalNetwork(WithdrawalNetwork newWithdrawalNetwork) private {
        emit WithdrawalNetworkUpdated(withdrawalNetwork, newWithdrawalNetwork);
        withdrawalNetwork = newWithdrawalNetwork;
    }
}
