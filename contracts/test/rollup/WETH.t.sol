// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Test} from "forge-std/Test.sol";
import {GasTokens} from "../../src/rollup/libs/GasTokens.sol";
import {Predeploys} from "../../src/rollup/libs/Predeploys.sol";
import {L1Block} from "../../src/rollup/predeploys/L1Block.sol";
import {WETH} from "../../src/rollup/predeploys/WETH.sol";
import {IWETH} from "../../src/rollup/predeploys/interfaces/IWETH.sol";

contract WETHTest is Test {
    WETH internal weth = WETH(payable(0x4200000000000000000000000000000000000006));
    address internal somebody = makeAddr("somebody");

    function setUp() public {
        vm.etch(address(weth), type(WETH).runtimeCode);
        vm.etch(Predeploys.L1_BLOCK, type(L1Block).runtimeCode);
    }

    function test_name_isTheCoins() public {
        assertEq(weth.name(), "Wrapped Ether");
        assertEq(weth.symbol(), "WETH");
        uint256 token = uint256(6) << 160 | uint160(makeAddr("USDC"));
        vm.store(Predeploys.L1_BLOCK, GasTokens.TOKEN_SLOT, bytes32(token));
        vm.store(Predeploys.L1_BLOCK, GasTokens.NAME_SLOT, "USD Coin");
        vm.store(Predeploys.L1_BLOCK, GasTokens.SYMBOL_SLOT, "USDC");
        assertEq(weth.name(), "Wrapped USD Coin");
        assertEq(weth.symbol(), "WUSDC");
        assertEq(weth.decimals(), 18);
    }

    function testFuzz_coinsAndTokens_areAsMany(uint128 wad, uint128 back, uint8 way) public {
        back = uint128(bound(back, 0, wad));
        vm.deal(somebody, wad);
        vm.startPrank(somebody);
        vm.expectEmit(address(weth));
        emit IERC20.Transfer(address(0), somebody, wad);
        vm.expectEmit(address(weth));
        emit IWETH.Deposit(somebody, wad);
        if (way % 3 == 0) {
            weth.deposit{value: wad}();
        } else {
            (bool done,) = address(weth).call{value: wad}(way % 3 == 1 ? bytes("") : bytes("what?"));
            assertTrue(done);
        }
        assertEq(weth.balanceOf(somebody), wad);
        vm.expectEmit(address(weth));
        emit IWETH.Withdrawal(somebody, back);
        weth.withdraw(back);
        assertEq(somebody.balance, back);
        assertEq(weth.totalSupply(), wad - back);
        assertEq(address(weth).balance, weth.totalSupply());
    }

    function testFuzz_transferFrom_ofOnesOwn(uint128 wad) public {
        vm.deal(somebody, wad);
        vm.startPrank(somebody);
        weth.deposit{value: wad}();
        assertTrue(weth.transferFrom(somebody, address(this), wad));
        assertEq(weth.balanceOf(address(this)), wad);
    }

    function testFuzz_transferFrom_ofOthers_needsAllowance(uint128 wad) public {
        vm.assume(wad != 0);
        vm.deal(somebody, wad);
        vm.prank(somebody);
        weth.deposit{value: wad}();
        vm.expectRevert();
        weth.transferFrom(somebody, address(this), wad);
        vm.prank(somebody);
        weth.approve(address(this), wad);
        assertTrue(weth.transferFrom(somebody, address(this), wad));
    }

    function testFuzz_withdraw_revertsBeyondTheBalance(uint128 wad) public {
        vm.expectRevert();
        weth.withdraw(uint256(wad) + 1);
    }
}
