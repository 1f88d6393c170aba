// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Callers} from "../libs/Callers.sol";
import {Predeploys} from "../libs/Predeploys.sol";
import {IL1Block} from "../predeploys/interfaces/IL1Block.sol";
import {IL2ToL1MessagePasser} from "../predeploys/interfaces/IL2ToL1MessagePasser.sol";
import {NotHere} from "../libs/NotHere.sol";
import {IArbSys} from "./interfaces/IArbSys.sol";
import {INitroBridge, Sent} from "./interfaces/INitroBridge.sol";
import {SentItem} from "./libs/SentItem.sol";

/// @title ArbSys
/// @notice Implements {IArbSys}, which documents it.
/// @dev Stands at 0x0000000000000000000000000000000000000064 from genesis on; the genesis also sets
/// who makes its calls on the L1.
contract ArbSys is IArbSys, NotHere {
    using SentItem for Sent;

    /// @inheritdoc IArbSys
    uint256 public constant override WITHDRAW_GAS_LIMIT = 100_000;
    /// @inheritdoc IArbSys
    uint256 public constant override CALL_GAS_LIMIT = 1_000_000;

    /// @dev What the L1's side does besides the call: it writes down that it came, and who sent it.
    uint256 private constant OVERHEAD_GAS = 300_000;
    /// @dev The call's bytes are hashed and copied there.
    uint256 private constant BYTE_GAS = 40;
    uint256 private constant HASHES_KEPT = 256;
    uint256 private constant NITRO_BASE_VERSION = 55;

    // The order of declaration is part of the formats.
    address private _bridge;
    uint256 private _count;

    /// @inheritdoc IArbSys
    function withdrawEth(address destination) external payable override returns (uint256) {
        return _send(destination, WITHDRAW_GAS_LIMIT, "");
    }

    /// @inheritdoc IArbSys
    function sendTxToL1(address destination, bytes calldata data)
        external
        payable
        override
        returns (uint256)
    {
        return _send(destination, CALL_GAS_LIMIT, data);
    }

    /// @inheritdoc IArbSys
    function arbBlockNumber() external view override returns (uint256) {
        return block.number;
    }

    /// @inheritdoc IArbSys
    function arbBlockHash(uint256 arbBlockNum) external view override returns (bytes32) {
        if (arbBlockNum >= block.number || block.number - arbBlockNum > HASHES_KEPT) {
            revert InvalidBlockNumber(arbBlockNum, block.number);
        }
        return blockhash(arbBlockNum);
    }

    /// @inheritdoc IArbSys
    function arbChainID() external view override returns (uint256) {
        return block.chainid;
    }

    /// @inheritdoc IArbSys
    function isTopLevelCall() external view override returns (bool) {
        // an account that has lent itself code (EIP-7702) may have been called by that of others
        if (msg.sender != tx.origin || msg.sender.code.length != 0) revert CallersCallerUnknown();
        return true;
    }

    /// @inheritdoc IArbSys
    function wasMyCallersAddressAliased() external view override returns (bool) {
        if (tx.gasprice == 0) revert CallersCallerUnknown();
        return false;
    }

    /// @inheritdoc IArbSys
    function arbOSVersion() external pure override returns (uint256) {
        return NITRO_BASE_VERSION;
    }

    /// @inheritdoc IArbSys
    function getStorageGasAvailable() external pure override returns (uint256) {
        return 0;
    }

    /// @inheritdoc IArbSys
    function myCallersAddressWithoutAliasing() external pure override returns (address) {
        revert CallersCallerUnknown();
    }

    /// @inheritdoc IArbSys
    function mapL1SenderContractAddressToL2Alias(address sender, address)
        external
        pure
        override
        returns (address)
    {
        return Callers.aliased(sender);
    }

    function _send(address destination, uint256 callGas, bytes memory data)
        private
        returns (uint256 position)
    {
        position = _count++;
        Sent memory sent = Sent(
            position,
            msg.sender,
            destination,
            block.number,
            IL1Block(Predeploys.L1_BLOCK).number(),
            block.timestamp,
            msg.value,
            data
        );
        _emit(sent);
        // a part of the gas stays with whoever calls on, twice
        uint256 gasLimit = callGas * 65 / 63 + OVERHEAD_GAS + data.length * BYTE_GAS;
        IL2ToL1MessagePasser(Predeploys.L2_TO_L1_MESSAGE_PASSER)
        .initiateWithdrawal{value: msg.value}(
            _bridge, gasLimit, abi.encodeCall(INitroBridge.receiveFromRollup, (sent))
        );
    }

    function _emit(Sent memory sent) private {
        emit L2ToL1Tx(
            sent.l2Sender,
            sent.to,
            uint256(sent.hash()),
            sent.index,
            sent.l2Block,
            sent.l1Block,
            sent.l2Timestamp,
            sent.value,
            sent.data
        );
    }
}
