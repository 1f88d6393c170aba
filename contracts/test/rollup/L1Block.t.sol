// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {GasTokens} from "../../src/rollup/libs/GasTokens.sol";
import {L1Block} from "../../src/rollup/predeploys/L1Block.sol";
import {IL1Block} from "../../src/rollup/predeploys/interfaces/IL1Block.sol";

contract L1BlockTest is Test {
    struct Values {
        uint32 baseFeeScalar;
        uint32 blobBaseFeeScalar;
        uint64 sequenceNumber;
        uint64 timestamp;
        uint64 number;
        uint256 basefee;
        uint256 blobBaseFee;
        bytes32 hash;
        bytes32 batcherHash;
        uint32 operatorFeeScalar;
        uint64 operatorFeeConstant;
    }

    L1Block internal l1Block;
    address internal depositor;

    function setUp() public {
        l1Block = new L1Block();
        depositor = l1Block.DEPOSITOR_ACCOUNT();
    }

    function testFuzz_setL1BlockValuesIsthmus(Values calldata values) public {
        _write(abi.encodePacked(IL1Block.setL1BlockValuesIsthmus.selector, _packed(values)));
        _assertWritten(values);
        assertEq(l1Block.daFootprintGasScalar(), 0);
    }

    function testFuzz_setL1BlockValuesJovian(Values calldata values, uint16 footprint) public {
        bytes4 selector = IL1Block.setL1BlockValuesJovian.selector;
        _write(abi.encodePacked(selector, _packed(values), footprint));
        _assertWritten(values);
        assertEq(l1Block.daFootprintGasScalar(), footprint);
    }

    /// @dev The engine reads scalars and operator fee out of the slots (op-geth, rollup_cost.go).
    function testFuzz_layout(Values calldata values, uint16 footprint) public {
        bytes4 selector = IL1Block.setL1BlockValuesJovian.selector;
        _write(abi.encodePacked(selector, _packed(values), footprint));
        assertEq(uint256(vm.load(address(l1Block), bytes32(uint256(1)))), values.basefee);
        assertEq(uint256(vm.load(address(l1Block), bytes32(uint256(7)))), values.blobBaseFee);
        bytes32 scalars = vm.load(address(l1Block), bytes32(uint256(3)));
        assertEq(uint32(uint256(scalars) >> 96), values.baseFeeScalar);
        assertEq(uint32(uint256(scalars) >> 64), values.blobBaseFeeScalar);
        bytes32 operator = vm.load(address(l1Block), bytes32(uint256(8)));
        assertEq(uint32(uint256(operator) >> 64), values.operatorFeeScalar);
        assertEq(uint64(uint256(operator)), values.operatorFeeConstant);
    }

    function test_selectors_areThoseOfTheSpecifications() public pure {
        assertEq(IL1Block.setL1BlockValuesIsthmus.selector, bytes4(0x098999be));
        assertEq(IL1Block.setL1BlockValuesJovian.selector, bytes4(0x3db6be2b));
    }

    function testFuzz_set_revertsWithNotDepositor(address caller) public {
        vm.assume(caller != depositor);
        vm.startPrank(caller);
        vm.expectRevert(IL1Block.NotDepositor.selector);
        l1Block.setL1BlockValuesIsthmus();
        vm.expectRevert(IL1Block.NotDepositor.selector);
        l1Block.setL1BlockValuesJovian();
    }

    function test_gasPayingToken_isEtherUnlessTheGenesisSaysOtherwise() public view {
        (address token, uint8 decimals) = l1Block.gasPayingToken();
        assertEq(token, 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE);
        assertEq(decimals, 18);
        assertEq(l1Block.gasPayingTokenName(), "Ether");
        assertEq(l1Block.gasPayingTokenSymbol(), "ETH");
        assertFalse(l1Block.isCustomGasToken());
    }

    function testFuzz_gasPayingToken(address token, uint8 decimals, bytes32 name) public {
        vm.assume(token != address(0) && token != 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE);
        bytes32 word = bytes32(uint256(decimals) << 160 | uint160(token));
        vm.store(address(l1Block), GasTokens.TOKEN_SLOT, word);
        vm.store(address(l1Block), GasTokens.NAME_SLOT, name);
        vm.store(address(l1Block), GasTokens.SYMBOL_SLOT, "USDC");
        (address told, uint8 toldDecimals) = l1Block.gasPayingToken();
        assertEq(told, token);
        assertEq(toldDecimals, decimals);
        assertTrue(l1Block.isCustomGasToken());
        assertEq(l1Block.gasPayingTokenSymbol(), "USDC");
        bytes memory text = bytes(l1Block.gasPayingTokenName());
        assertLe(text.length, 32);
        for (uint256 i = 0; i < text.length; ++i) {
            assertEq(text[i], name[i]);
        }
        if (text.length < 32) assertEq(name[text.length], bytes1(0));
    }

    /// @dev The OP Stack's own slots.
    function test_gasPayingToken_slots() public pure {
        assertEq(GasTokens.TOKEN_SLOT, _slot("opstack.gaspayingtoken"));
        assertEq(GasTokens.NAME_SLOT, _slot("opstack.gaspayingtokenname"));
        assertEq(GasTokens.SYMBOL_SLOT, _slot("opstack.gaspayingtokensymbol"));
    }

    function _slot(string memory name) private pure returns (bytes32) {
        return bytes32(uint256(keccak256(bytes(name))) - 1);
    }

    function _write(bytes memory call) private {
        vm.prank(depositor);
        (bool success,) = address(l1Block).call(call);
        assertTrue(success);
    }

    function _packed(Values calldata v) private pure returns (bytes memory) {
        bytes memory first = abi.encodePacked(
            v.baseFeeScalar, v.blobBaseFeeScalar, v.sequenceNumber, v.timestamp, v.number
        );
        return abi.encodePacked(
            first,
            v.basefee,
            v.blobBaseFee,
            v.hash,
            v.batcherHash,
            v.operatorFeeScalar,
            v.operatorFeeConstant
        );
    }

    function _assertWritten(Values calldata v) private view {
        assertEq(l1Block.baseFeeScalar(), v.baseFeeScalar);
        assertEq(l1Block.blobBaseFeeScalar(), v.blobBaseFeeScalar);
        assertEq(l1Block.sequenceNumber(), v.sequenceNumber);
        assertEq(l1Block.timestamp(), v.timestamp);
        assertEq(l1Block.number(), v.number);
        assertEq(l1Block.basefee(), v.basefee);
        assertEq(l1Block.blobBaseFee(), v.blobBaseFee);
        assertEq(l1Block.hash(), v.hash);
        assertEq(l1Block.batcherHash(), v.batcherHash);
        assertEq(l1Block.operatorFeeScalar(), v.operatorFeeScalar);
        assertEq(l1Block.operatorFeeConstant(), v.operatorFeeConstant);
    }
}
