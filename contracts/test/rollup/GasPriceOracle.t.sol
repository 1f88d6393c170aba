// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {FastLZ} from "../../src/rollup/libs/FastLZ.sol";
import {Predeploys} from "../../src/rollup/libs/Predeploys.sol";
import {GasPriceOracle} from "../../src/rollup/predeploys/GasPriceOracle.sol";
import {IGasPriceOracle} from "../../src/rollup/predeploys/interfaces/IGasPriceOracle.sol";
import {IL1Block} from "../../src/rollup/predeploys/interfaces/IL1Block.sol";

contract Compressor {
    function lengthOf(bytes memory data) external pure returns (uint256) {
        return FastLZ.compressedLength(data);
    }
}

/// @dev Byte by byte against the OP Stack's own contract: tests/integration/test_gas_price_oracle.py.
contract GasPriceOracleTest is Test {
    uint256 internal constant ISTHMUS = 0x00010101;
    uint256 internal constant JOVIAN = 0x01010101;

    GasPriceOracle internal oracle = new GasPriceOracle();
    Compressor internal compressor = new Compressor();

    function _set(uint256 forks) private {
        vm.store(address(oracle), 0, bytes32(forks));
    }

    function _l1(bytes4 getter, uint256 value) private {
        vm.mockCall(Predeploys.L1_BLOCK, abi.encodePacked(getter), abi.encode(value));
    }

    function _l1Fees(uint32 weight, uint32 blobWeight, uint64 fee, uint64 blobFee) private {
        _l1(IL1Block.baseFeeScalar.selector, weight);
        _l1(IL1Block.blobBaseFeeScalar.selector, blobWeight);
        _l1(IL1Block.basefee.selector, fee);
        _l1(IL1Block.blobBaseFee.selector, blobFee);
    }

    function test_forks_areTheGenesis() public {
        _set(ISTHMUS);
        assertTrue(oracle.isEcotone() && oracle.isFjord() && oracle.isIsthmus());
        assertFalse(oracle.isJovian());
        _set(JOVIAN);
        assertTrue(oracle.isJovian());
    }

    function testFuzz_getL1Fee_isFjords(
        bytes calldata data,
        uint32 weight,
        uint32 blobWeight,
        uint64 fee,
        uint64 blobFee
    ) public {
        _l1Fees(weight, blobWeight, fee, blobFee);
        uint256 size = (compressor.lengthOf(data) + 68) * 836_500;
        size = size < 142_585_600 ? 100e6 : size - 42_585_600;
        uint256 price = uint256(weight) * 16 * fee + uint256(blobWeight) * blobFee;
        assertEq(oracle.getL1Fee(data), size * price / 1e12);
        assertEq(oracle.getL1GasUsed(data), size * 16 / 1e6);
        assertEq(oracle.l1BaseFee(), fee);
        assertEq(oracle.blobBaseFee(), blobFee);
        assertEq(oracle.baseFeeScalar(), weight);
        assertEq(oracle.blobBaseFeeScalar(), blobWeight);
    }

    function testFuzz_getL1FeeUpperBound_isAbove(bytes calldata data, uint64 fee) public {
        _l1Fees(1_368, 810_949, fee, 1);
        assertGe(oracle.getL1FeeUpperBound(data.length), oracle.getL1Fee(data));
    }

    function testFuzz_getL1Fee_ofNothing(bytes calldata data) public {
        _l1Fees(0, 0, type(uint64).max, type(uint64).max);
        assertEq(oracle.getL1Fee(data), 0);
    }

    function testFuzz_getOperatorFee(uint64 gasUsed, uint32 weight, uint64 constant_) public {
        _l1(IL1Block.operatorFeeScalar.selector, weight);
        _l1(IL1Block.operatorFeeConstant.selector, constant_);
        _set(ISTHMUS);
        assertEq(oracle.getOperatorFee(gasUsed), uint256(gasUsed) * weight / 1e6 + constant_);
        _set(JOVIAN);
        assertEq(oracle.getOperatorFee(gasUsed), uint256(gasUsed) * weight * 100 + constant_);
    }

    function test_prices_areTheBlocks() public {
        vm.fee(7 gwei);
        assertEq(oracle.gasPrice(), 7 gwei);
        assertEq(oracle.baseFee(), 7 gwei);
        assertEq(oracle.decimals(), 6);
        assertEq(oracle.DECIMALS(), 6);
    }

    function test_overheadAndScalar_revertWithDeprecated() public {
        vm.expectRevert(IGasPriceOracle.Deprecated.selector);
        oracle.overhead();
        vm.expectRevert(IGasPriceOracle.Deprecated.selector);
        oracle.scalar();
    }

    function test_compressedLength_ofKnownData() public view {
        assertEq(compressor.lengthOf(""), 0);
        assertEq(compressor.lengthOf(hex"01"), 2);
        assertEq(compressor.lengthOf(new bytes(13)), 14);
        assertEq(compressor.lengthOf(new bytes(32)), 12);
        assertEq(compressor.lengthOf(new bytes(10_000)), 126);
    }
}
