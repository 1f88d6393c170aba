// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FastLZ} from "../libs/FastLZ.sol";
import {Predeploys} from "../libs/Predeploys.sol";
import {IGasPriceOracle} from "./interfaces/IGasPriceOracle.sol";
import {IL1Block} from "./interfaces/IL1Block.sol";

/// @title GasPriceOracle
/// @notice Implements {IGasPriceOracle}, which documents it.
/// @dev Stands at 0x420000000000000000000000000000000000000F from genesis on, without a proxy. The
/// genesis sets which forks hold, in the OP Stack's slots; those before Isthmus always do.
contract GasPriceOracle is IGasPriceOracle {
    IL1Block private constant L1_BLOCK = IL1Block(Predeploys.L1_BLOCK);
    uint256 private constant SIGNATURE = 68;
    uint256 private constant MILLION = 1e6;
    /// @dev Fjord's regression from the length by FastLZ to that by Brotli, millionths of bytes.
    int256 private constant INTERCEPT = -42_585_600;
    int256 private constant PER_BYTE = 836_500;
    int256 private constant LEAST = 100e6;
    uint256 private constant CALLDATA_GAS = 16;

    /// @inheritdoc IGasPriceOracle
    bool public override isEcotone;
    /// @inheritdoc IGasPriceOracle
    bool public override isFjord;
    /// @inheritdoc IGasPriceOracle
    bool public override isIsthmus;
    /// @inheritdoc IGasPriceOracle
    bool public override isJovian;

    /// @inheritdoc IGasPriceOracle
    function getL1Fee(bytes calldata data) external view override returns (uint256) {
        return _dataFee(FastLZ.compressedLength(data) + SIGNATURE);
    }

    /// @inheritdoc IGasPriceOracle
    function getL1FeeUpperBound(uint256 unsignedTxSize) external view override returns (uint256) {
        uint256 size = unsignedTxSize + SIGNATURE;
        return _dataFee(size + size / 255 + 16);
    }

    /// @inheritdoc IGasPriceOracle
    function getOperatorFee(uint256 gasUsed) external view override returns (uint256) {
        uint256 weighed = gasUsed * L1_BLOCK.operatorFeeScalar();
        uint256 part = isJovian ? weighed * 100 : weighed / MILLION;
        return part + L1_BLOCK.operatorFeeConstant();
    }

    /// @inheritdoc IGasPriceOracle
    function gasPrice() external view override returns (uint256) {
        return block.basefee;
    }

    /// @inheritdoc IGasPriceOracle
    function baseFee() external view override returns (uint256) {
        return block.basefee;
    }

    /// @inheritdoc IGasPriceOracle
    function getL1GasUsed(bytes calldata data) external pure override returns (uint256) {
        uint256 size = FastLZ.compressedLength(data) + SIGNATURE;
        return _estimatedSize(size) * CALLDATA_GAS / MILLION;
    }

    /// @inheritdoc IGasPriceOracle
    function overhead() external pure override returns (uint256) {
        revert Deprecated();
    }

    /// @inheritdoc IGasPriceOracle
    function scalar() external pure override returns (uint256) {
        revert Deprecated();
    }

    /// @inheritdoc IGasPriceOracle
    function decimals() external pure override returns (uint256) {
        return 6;
    }

    /// @inheritdoc IGasPriceOracle
    // forge-lint: disable-next-line(mixed-case-function)
    function DECIMALS() external pure override returns (uint256) {
        return 6;
    }

    /// @inheritdoc IGasPriceOracle
    function version() external pure override returns (string memory) {
        return "1.6.0";
    }

    /// @inheritdoc IGasPriceOracle
    function l1BaseFee() public view override returns (uint256) {
        return L1_BLOCK.basefee();
    }

    /// @inheritdoc IGasPriceOracle
    function blobBaseFee() public view override returns (uint256) {
        return L1_BLOCK.blobBaseFee();
    }

    /// @inheritdoc IGasPriceOracle
    function baseFeeScalar() public view override returns (uint32) {
        return L1_BLOCK.baseFeeScalar();
    }

    /// @inheritdoc IGasPriceOracle
    function blobBaseFeeScalar() public view override returns (uint32) {
        return L1_BLOCK.blobBaseFeeScalar();
    }

    /// @dev Fee for data that FastLZ makes `size` bytes, signature included.
    function _dataFee(uint256 size) private view returns (uint256) {
        uint256 price = uint256(baseFeeScalar()) * CALLDATA_GAS * l1BaseFee()
            + uint256(blobBaseFeeScalar()) * blobBaseFee();
        return _estimatedSize(size) * price / (MILLION * MILLION);
    }

    /// @dev Millionths of bytes.
    function _estimatedSize(uint256 size) private pure returns (uint256) {
        // forge-lint: disable-next-line(unsafe-typecast)
        int256 estimate = INTERCEPT + PER_BYTE * int256(size);
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint256(estimate < LEAST ? LEAST : estimate);
    }
}
