// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {GasTokens} from "../libs/GasTokens.sol";
import {IL1Block} from "./interfaces/IL1Block.sol";

/// @title L1Block
/// @notice Implements {IL1Block}, which documents it.
/// @dev Stands at 0x4200000000000000000000000000000000000015 from genesis on, without a proxy.
contract L1Block is IL1Block {
    // The order of declaration is the layout that the engine reads.

    /// @inheritdoc IL1Block
    uint64 public override number;
    /// @inheritdoc IL1Block
    uint64 public override timestamp;
    /// @inheritdoc IL1Block
    uint256 public override basefee;
    /// @inheritdoc IL1Block
    bytes32 public override hash;
    /// @inheritdoc IL1Block
    uint64 public override sequenceNumber;
    /// @inheritdoc IL1Block
    uint32 public override blobBaseFeeScalar;
    /// @inheritdoc IL1Block
    uint32 public override baseFeeScalar;
    /// @inheritdoc IL1Block
    bytes32 public override batcherHash;
    /// @dev Overhead and scalar of the data fee before Ecotone.
    uint256[2] private _history;
    /// @inheritdoc IL1Block
    uint256 public override blobBaseFee;
    /// @inheritdoc IL1Block
    uint64 public override operatorFeeConstant;
    /// @inheritdoc IL1Block
    uint32 public override operatorFeeScalar;
    /// @inheritdoc IL1Block
    uint16 public override daFootprintGasScalar;

    modifier onlyDepositor() {
        if (msg.sender != DEPOSITOR_ACCOUNT()) revert NotDepositor();
        _;
    }

    /// @inheritdoc IL1Block
    function setL1BlockValuesIsthmus() external override onlyDepositor {
        _setCommon();
    }

    /// @inheritdoc IL1Block
    function setL1BlockValuesJovian() external override onlyDepositor {
        _setCommon();
        daFootprintGasScalar = uint16(bytes2(msg.data[176:178]));
    }

    /// @inheritdoc IL1Block
    function isCustomGasToken() external view override returns (bool) {
        (address token,) = GasTokens.stored();
        return token != GasTokens.ETHER;
    }

    /// @inheritdoc IL1Block
    function gasPayingToken() external view override returns (address, uint8) {
        return GasTokens.stored();
    }

    /// @inheritdoc IL1Block
    function gasPayingTokenName() external view override returns (string memory) {
        return _textOr(GasTokens.NAME_SLOT, "Ether");
    }

    /// @inheritdoc IL1Block
    function gasPayingTokenSymbol() external view override returns (string memory) {
        return _textOr(GasTokens.SYMBOL_SLOT, "ETH");
    }

    /// @inheritdoc IL1Block
    // forge-lint: disable-next-line(mixed-case-function)
    function DEPOSITOR_ACCOUNT() public pure override returns (address) {
        return 0xDeaDDEaDDeAdDeAdDEAdDEaddeAddEAdDEAd0001;
    }

    function _textOr(bytes32 slot, string memory ofEther) private view returns (string memory) {
        (address token,) = GasTokens.stored();
        return token == GasTokens.ETHER ? ofEther : GasTokens.text(slot);
    }

    function _setCommon() private {
        baseFeeScalar = uint32(bytes4(msg.data[4:8]));
        blobBaseFeeScalar = uint32(bytes4(msg.data[8:12]));
        sequenceNumber = uint64(bytes8(msg.data[12:20]));
        timestamp = uint64(bytes8(msg.data[20:28]));
        number = uint64(bytes8(msg.data[28:36]));
        basefee = uint256(bytes32(msg.data[36:68]));
        blobBaseFee = uint256(bytes32(msg.data[68:100]));
        hash = bytes32(msg.data[100:132]);
        batcherHash = bytes32(msg.data[132:164]);
        operatorFeeScalar = uint32(bytes4(msg.data[164:168]));
        operatorFeeConstant = uint64(bytes8(msg.data[168:176]));
    }
}
