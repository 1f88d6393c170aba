// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Governed} from "../metalayer/Governed.sol";
import {IOptimismPortal} from "./interfaces/IOptimismPortal.sol";

/// @title OptimismPortal
/// @notice Implements {IOptimismPortal}, which documents it.
contract OptimismPortal is IOptimismPortal, Governed {
    /// @notice Gas of a deposit made by sending coins here.
    uint64 public constant RECEIVE_DEFAULT_GAS_LIMIT = 100_000;
    /// @notice Gas for the rollup that one L1 block can buy.
    uint64 public constant MAX_GAS_PER_BLOCK = 20_000_000;
    /// @notice Bytes of data that a deposit can have.
    uint256 public constant MAX_DATA = 120_000;
    uint256 private constant VERSION = 0;
    uint160 private constant ALIAS_OFFSET = uint160(0x1111000000000000000000000000000000001111);

    /// @inheritdoc IOptimismPortal
    uint256 public override rollupChainId;
    uint64 private _meteredBlock;
    uint64 private _boughtGas;

    /// @notice Coins sent here go to the sender's own address on the rollup.
    receive() external payable {
        depositTransaction(msg.sender, msg.value, RECEIVE_DEFAULT_GAS_LIMIT, false, "");
    }

    function initialize(address owner_, uint256 rollupChainId_) external initializer {
        __Ownable_init(owner_);
        rollupChainId = rollupChainId_;
    }

    /// @inheritdoc IOptimismPortal
    function donateETH() external payable override {}

    /// @inheritdoc IOptimismPortal
    function depositTransaction(
        address to,
        uint256 value,
        uint64 gasLimit,
        bool isCreation,
        bytes memory data
    ) public payable override {
        if (isCreation && to != address(0)) revert BadTarget(to);
        if (data.length > MAX_DATA) revert CalldataTooLarge(data.length);
        uint64 minimum = minimumGasLimit(uint64(data.length));
        if (gasLimit < minimum) revert GasLimitTooLow(gasLimit, minimum);
        _meter(gasLimit);

        bytes memory opaqueData = abi.encodePacked(msg.value, value, gasLimit, isCreation, data);
        emit TransactionDeposited(_sender(), to, VERSION, opaqueData);
    }

    /// @inheritdoc IOptimismPortal
    function minimumGasLimit(uint64 byteCount) public pure override returns (uint64) {
        return byteCount * 40 + 21_000;
    }

    function _meter(uint64 gasLimit) private {
        uint64 bought = _meteredBlock == block.number ? _boughtGas : 0;
        uint64 left = MAX_GAS_PER_BLOCK - bought;
        if (gasLimit > left) revert OutOfGas(gasLimit, left);
        _meteredBlock = uint64(block.number);
        _boughtGas = bought + gasLimit;
    }

    /// @dev A contract's address may belong to somebody else on the rollup, so it is shifted there.
    function _sender() private view returns (address) {
        if (msg.sender == tx.origin || _isDelegated(msg.sender.code)) return msg.sender;
        unchecked {
            return address(uint160(msg.sender) + ALIAS_OFFSET);
        }
    }

    /// @dev EIP-7702: still the account of whoever holds its key.
    function _isDelegated(bytes memory code) private pure returns (bool) {
        return code.length == 23 && bytes3(code) == 0xef0100;
    }
}
