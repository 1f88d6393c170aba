// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Callers} from "../libs/Callers.sol";
import {Predeploys} from "../libs/Predeploys.sol";
import {IL1Block} from "../predeploys/interfaces/IL1Block.sol";
import {IL2ToL1MessagePasser} from "../predeploys/interfaces/IL2ToL1MessagePasser.sol";
import {NotHere} from "../libs/NotHere.sol";
import {IArbSys} from "./interfaces/IArbSys.sol";

/// @title ArbSys
/// @notice Implements {IArbSys}, which documents it.
/// @dev Stands at 0x0000000000000000000000000000000000000064 from genesis on, without storage.
contract ArbSys is IArbSys, NotHere {
    /// @inheritdoc IArbSys
    uint256 public constant override WITHDRAW_GAS_LIMIT = 100_000;
    /// @inheritdoc IArbSys
    uint256 public constant override CALL_GAS_LIMIT = 1_000_000;

    uint256 private constant HASHES_KEPT = 256;
    uint256 private constant NITRO_BASE_VERSION = 55;

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

    function _send(address destination, uint256 gasLimit, bytes memory data)
        private
        returns (uint256 position)
    {
        IL2ToL1MessagePasser passer = IL2ToL1MessagePasser(Predeploys.L2_TO_L1_MESSAGE_PASSER);
        uint256 nonce = passer.messageNonce();
        position = uint240(nonce);
        bytes32 hash =
            keccak256(abi.encode(nonce, address(this), destination, msg.value, gasLimit, data));
        emit L2ToL1Tx(
            msg.sender,
            destination,
            uint256(hash),
            position,
            block.number,
            IL1Block(Predeploys.L1_BLOCK).number(),
            block.timestamp,
            msg.value,
            data
        );
        passer.initiateWithdrawal{value: msg.value}(destination, gasLimit, data);
    }
}
