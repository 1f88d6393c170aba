// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Governed} from "../../metalayer/Governed.sol";
import {IOptimismPortal} from "../interfaces/IOptimismPortal.sol";
import {Callers} from "../libs/Callers.sol";
import {INitroInbox} from "./interfaces/INitroInbox.sol";

/// @title NitroInbox
/// @notice Implements {INitroInbox}, which documents it. The portal believes what it says of senders.
contract NitroInbox is INitroInbox, Governed {
    /// @inheritdoc INitroInbox
    uint64 public constant override COINS_GAS_LIMIT = 100_000;

    /// @inheritdoc INitroInbox
    address public override portal;
    /// @inheritdoc INitroInbox
    address public override bridge;
    /// @inheritdoc INitroInbox
    uint256 public override messageCount;

    function initialize(address owner_, address portal_, address bridge_) external initializer {
        __Ownable_init(owner_);
        (portal, bridge) = (portal_, bridge_);
    }

    /// @inheritdoc INitroInbox
    function depositEth() external payable override returns (uint256) {
        address to = Callers.isAccount(msg.sender) ? msg.sender : Callers.aliased(msg.sender);
        _relay(to, to, msg.value, msg.value, COINS_GAS_LIMIT, "");
        return _deliver(abi.encodePacked(to, msg.value));
    }

    /// @inheritdoc INitroInbox
    function createRetryableTicket(
        address to,
        uint256 l2CallValue,
        uint256 maxSubmissionCost,
        address excessFeeRefundAddress,
        address callValueRefundAddress,
        uint256 gasLimit,
        uint256 maxFeePerGas,
        bytes calldata data
    ) external payable override returns (uint256) {
        uint256 expected =
            maxSubmissionCost + l2CallValue + gasLimit * maxFeePerGas;
        if (msg.value < expected) revert InsufficientValue(expected, msg.value);
        return unsafeCreateRetryableTicket(
            to,
            l2CallValue,
            maxSubmissionCost,
            _there(excessFeeRefundAddress),
            _there(callValueRefundAddress),
            gasLimit,
            maxFeePerGas,
            data
        );
    }

    /// @inheritdoc INitroInbox
    function calculateRetryableSubmissionFee(uint256, uint256)
        external
        pure
        override
        returns (uint256)
    {
        return 0;
    }

    /// @inheritdoc INitroInbox
    function unsafeCreateRetryableTicket(
        address to,
        uint256 l2CallValue,
        uint256 maxSubmissionCost,
        address excessFeeRefundAddress,
        address callValueRefundAddress,
        uint256 gasLimit,
        uint256 maxFeePerGas,
        bytes calldata data
    ) public payable override returns (uint256) {
        if (gasLimit > type(uint64).max) revert GasLimitTooLarge();
        _call(to, l2CallValue, excessFeeRefundAddress, uint64(gasLimit), data);
        return _deliver(
            abi.encodePacked(
                uint256(uint160(to)),
                l2CallValue,
                msg.value,
                maxSubmissionCost,
                uint256(uint160(excessFeeRefundAddress)),
                uint256(uint160(callValueRefundAddress)),
                gasLimit,
                maxFeePerGas,
                data.length,
                data
            )
        );
    }

    /// @dev Its value first comes out of the coins sent; the rest of these is the refund. As on Nitro the
    /// caller is aliased whether it is a contract or not.
    function _call(
        address to,
        uint256 value,
        address refundTo,
        uint64 gasLimit,
        bytes calldata data
    ) private {
        address from = Callers.aliased(msg.sender);
        uint256 minted = value < msg.value ? value : msg.value;
        _relay(from, to, minted, value, gasLimit, data);
        uint256 excess = msg.value - minted;
        if (excess != 0) _relay(from, refundTo, excess, excess, COINS_GAS_LIMIT, "");
    }

    function _relay(
        address from,
        address to,
        uint256 minted,
        uint256 value,
        uint64 gasLimit,
        bytes memory data
    ) private {
        IOptimismPortal(portal).relayTransaction{value: minted}(from, to, value, gasLimit, data);
    }

    function _deliver(bytes memory data) private returns (uint256 number) {
        number = messageCount++;
        emit InboxMessageDelivered(number, data);
    }

    /// @dev Who a refund's address is on the rollup.
    function _there(address refundTo) private view returns (address) {
        return refundTo.code.length == 0 ? refundTo : Callers.aliased(refundTo);
    }
}
