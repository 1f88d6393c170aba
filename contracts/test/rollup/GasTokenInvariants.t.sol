// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Vm} from "forge-std/Test.sol";
import {
    IOptimismPortal,
    WithdrawalTransaction
} from "../../src/rollup/interfaces/IOptimismPortal.sol";
import {BridgeFixture} from "./BridgeFixture.sol";
import {Coin} from "./StandardBridge.t.sol";

/// @dev Deposits, withdrawals and what disturbs them in any order, on a rollup whose coin is a token
/// of `decimals`. Fees are burnt on the rollup, and its genesis gave coins away.
contract GasTokenHandler is BridgeFixture {
    uint256 internal constant GENESIS = 5 ether;
    address internal immutable rich = makeAddr("rich");
    address internal immutable below = makeAddr("below");
    address internal immutable home = makeAddr("home");
    uint8 internal immutable decimals;
    uint256 internal immutable scale;
    Coin public coin;
    WithdrawalTransaction[] internal pending;
    WithdrawalTransaction[] internal done;
    uint256 public deposited;
    uint256 public released;
    uint256 public burnt;

    constructor(uint8 decimals_) {
        decimals = decimals_;
        scale = 10 ** (18 - decimals_);
        setUp();
        coin.mint(rich, type(uint96).max);
        vm.prank(rich);
        coin.approve(address(portal), type(uint256).max);
        vm.deal(below, GENESIS);
    }

    function makeGasToken() internal override returns (address) {
        coin = new Coin(decimals);
        return address(coin);
    }

    function deposit(uint64 units, uint64 passedOn) external {
        vm.recordLogs();
        vm.prank(rich, rich);
        uint256 value = uint256(passedOn) % (units * scale + 1);
        portal.depositERC20Transaction(below, units, value, 100_000, false, "");
        deliver(vm.getRecordedLogs());
        deposited += units;
    }

    function donate(uint32 units) external {
        vm.prank(rich);
        coin.transfer(address(portal), units);
    }

    function payFee(uint256 fee) external {
        fee = bound(fee, 0, below.balance);
        vm.deal(below, below.balance - fee);
        burnt += fee;
    }

    /// @dev What dust is in it stays on the rollup.
    function withdraw(uint256 amount) external {
        amount = bound(amount, 0, below.balance);
        vm.recordLogs();
        vm.prank(below, below);
        try passer.initiateWithdrawal{value: amount}(home, 100_000, "") {
            assertEq(amount % scale, 0);
        } catch {
            assertNotEq(amount % scale, 0);
            vm.prank(below, below);
            passer.initiateWithdrawal{value: amount / scale * scale}(home, 100_000, "");
        }
        WithdrawalTransaction[] memory found = withdrawalsIn(vm.getRecordedLogs());
        for (uint256 i = 0; i < found.length; ++i) {
            pending.push(found[i]);
        }
    }

    function proveOne(uint256 which) external {
        if (pending.length != 0) prove(pending[which % pending.length]);
    }

    function finalizeOne(uint256 which) external {
        if (pending.length == 0) return;
        which %= pending.length;
        WithdrawalTransaction memory it = pending[which];
        finalize(it);
        done.push(it);
        released += it.value / scale;
        pending[which] = pending[pending.length - 1];
        pending.pop();
    }

    function removeOutput() external {
        if (outputs.nextOutputIndex() != 0) outputs.remove();
    }

    function replay(uint256 which) external {
        if (done.length == 0) return;
        WithdrawalTransaction memory it = done[which % done.length];
        vm.expectRevert(
            abi.encodeWithSelector(IOptimismPortal.AlreadyFinalized.selector, hashOf(it))
        );
        portal.finalizeWithdrawalTransaction(it);
    }

    function check() external view {
        uint256 inFlight;
        for (uint256 i = 0; i < pending.length; ++i) {
            inFlight += pending[i].value;
        }
        uint256 supply = rich.balance + below.balance;
        assertEq(portal.balance() * scale + GENESIS, supply + burnt + inFlight);
        assertEq(portal.balance(), deposited - released);
        assertEq(coin.balanceOf(home), released);
        assertGe(coin.balanceOf(address(portal)), portal.balance());
        assertEq(address(passer).balance, inFlight + released * scale);
        assertEq(address(portal).balance, 0);
    }
}

abstract contract GasTokenInvariants is BridgeFixture {
    GasTokenHandler internal handler;

    function setUp() public override {
        handler = new GasTokenHandler(decimals());
        targetContract(address(handler));
        bytes4[] memory selectors = new bytes4[](8);
        selectors[0] = GasTokenHandler.deposit.selector;
        selectors[1] = GasTokenHandler.donate.selector;
        selectors[2] = GasTokenHandler.payFee.selector;
        selectors[3] = GasTokenHandler.withdraw.selector;
        selectors[4] = GasTokenHandler.proveOne.selector;
        selectors[5] = GasTokenHandler.finalizeOne.selector;
        selectors[6] = GasTokenHandler.removeOutput.selector;
        selectors[7] = GasTokenHandler.replay.selector;
        targetSelector(FuzzSelector({addr: address(handler), selectors: selectors}));
    }

    function invariant_nothingIsMadeAndNothingLost() public view {
        handler.check();
    }

    function decimals() internal pure virtual returns (uint8);
}

contract GasTokenOf0DecimalsInvariants is GasTokenInvariants {
    function decimals() internal pure override returns (uint8) {
        return 0;
    }
}

contract GasTokenOf6DecimalsInvariants is GasTokenInvariants {
    function decimals() internal pure override returns (uint8) {
        return 6;
    }
}

contract GasTokenOf8DecimalsInvariants is GasTokenInvariants {
    function decimals() internal pure override returns (uint8) {
        return 8;
    }
}

contract GasTokenOf18DecimalsInvariants is GasTokenInvariants {
    function decimals() internal pure override returns (uint8) {
        return 18;
    }
}
