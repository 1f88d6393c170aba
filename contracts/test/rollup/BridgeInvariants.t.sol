// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Vm} from "forge-std/Test.sol";
import {OptimismMintableERC20} from "../../src/rollup/bridge/OptimismMintableERC20.sol";
import {
    IOptimismPortal,
    WithdrawalTransaction
} from "../../src/rollup/interfaces/IOptimismPortal.sol";
import {BridgeFixture} from "./BridgeFixture.sol";
import {Coin, Moody} from "./StandardBridge.t.sol";

/// @dev Deposits, withdrawals, replays and removed outputs in any order, with receivers of the two
/// chains that are different accounts, as both chains are one here.
contract BridgeHandler is BridgeFixture {
    uint32 internal constant GAS = 200_000;
    address internal immutable rich = makeAddr("rich");
    address internal immutable below = makeAddr("below");
    address internal immutable home = makeAddr("home");
    Coin public coin;
    OptimismMintableERC20 public l2Coin;
    Moody public moody;
    WithdrawalTransaction[] internal pending;
    WithdrawalTransaction[] internal done;
    uint256 public minted;
    uint256 public withdrawn;

    constructor() {
        setUp();
        coin = new Coin(6);
        coin.mint(rich, 1e15);
        vm.prank(rich);
        coin.approve(address(l1Bridge), type(uint256).max);
        l2Coin = OptimismMintableERC20(
            factory.createOptimismMintableERC20WithDecimals(address(coin), "Coin", "COIN", 6)
        );
        moody = new Moody();
        vm.deal(rich, 1e6 ether);
    }

    function depositETH(uint64 amount, bool toMoody) external {
        vm.recordLogs();
        vm.prank(rich, rich);
        l1Bridge.depositETHTo{value: amount}(toMoody ? address(moody) : below, GAS, "");
        deliver(vm.getRecordedLogs());
        minted += amount;
    }

    function depositERC20(uint32 amount) external {
        vm.recordLogs();
        vm.prank(rich, rich);
        l1Bridge.depositERC20To(address(coin), address(l2Coin), below, amount, GAS, "");
        deliver(vm.getRecordedLogs());
    }

    function withdrawETH(uint64 amount) external {
        amount = uint64(bound(amount, 0, below.balance));
        vm.recordLogs();
        vm.prank(below, below);
        l2Bridge.bridgeETHTo{value: amount}(home, GAS, "");
        _keep(vm.getRecordedLogs());
    }

    function withdrawERC20(uint32 amount) external {
        amount = uint32(bound(amount, 0, l2Coin.balanceOf(below)));
        vm.recordLogs();
        vm.prank(below, below);
        l2Bridge.withdrawTo(address(l2Coin), home, amount, GAS, "");
        _keep(vm.getRecordedLogs());
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
        withdrawn += it.value;
        pending[which] = pending[pending.length - 1];
        pending.pop();
    }

    function removeOutput() external {
        if (outputs.nextOutputIndex() != 0) outputs.remove();
    }

    function replay(uint256 which) external {
        if (done.length == 0) return;
        WithdrawalTransaction memory it = done[which % done.length];
        bytes memory wanted =
            abi.encodeWithSelector(IOptimismPortal.AlreadyFinalized.selector, hashOf(it));
        vm.expectRevert(wanted);
        portal.finalizeWithdrawalTransaction(it);
    }

    function inFlight() public view returns (uint256 sum) {
        for (uint256 i = 0; i < pending.length; ++i) {
            sum += pending[i].value;
        }
    }

    function check() external view {
        // locked on the L1 = on the rollup + on its way back
        uint256 onRollup = below.balance + address(moody).balance + address(l2Messenger).balance;
        assertEq(address(portal).balance, onRollup + inFlight());
        assertEq(minted, onRollup + inFlight() + withdrawn);
        assertEq(home.balance, withdrawn);
        // the rollup's side of what was withdrawn stays with the message passer
        assertEq(address(passer).balance, inFlight() + withdrawn);

        uint256 locked = coin.balanceOf(address(l1Bridge));
        assertEq(locked, l1Bridge.deposits(address(coin), address(l2Coin)));
        assertEq(l2Coin.totalSupply() + _tokensInFlight(), locked);
        assertEq(coin.balanceOf(rich) + coin.balanceOf(home) + locked, 1e15);
    }

    function _keep(Vm.Log[] memory logs) private {
        WithdrawalTransaction[] memory found = withdrawalsIn(logs);
        for (uint256 i = 0; i < found.length; ++i) {
            pending.push(found[i]);
        }
    }

    /// @dev Burnt on the rollup and not paid yet: the amount is the fifth word of the inner call.
    function _tokensInFlight() private view returns (uint256 sum) {
        for (uint256 i = 0; i < pending.length; ++i) {
            bytes memory data = pending[i].data;
            // relayMessage's head (4 + 6 words), the message's length, its selector, four words
            if (data.length < 400 || pending[i].value != 0) continue;
            bytes4 inner;
            uint256 amount;
            assembly ("memory-safe") {
                inner := mload(add(data, 260))
                amount := mload(add(data, 392))
            }
            if (inner == l1Bridge.finalizeBridgeERC20.selector) sum += amount;
        }
    }
}

contract BridgeInvariants is BridgeFixture {
    BridgeHandler internal handler;

    function setUp() public override {
        handler = new BridgeHandler();
        targetContract(address(handler));
        bytes4[] memory selectors = new bytes4[](8);
        selectors[0] = BridgeHandler.depositETH.selector;
        selectors[1] = BridgeHandler.depositERC20.selector;
        selectors[2] = BridgeHandler.withdrawETH.selector;
        selectors[3] = BridgeHandler.withdrawERC20.selector;
        selectors[4] = BridgeHandler.proveOne.selector;
        selectors[5] = BridgeHandler.finalizeOne.selector;
        selectors[6] = BridgeHandler.removeOutput.selector;
        selectors[7] = BridgeHandler.replay.selector;
        targetSelector(FuzzSelector({addr: address(handler), selectors: selectors}));
    }

    function invariant_nothingIsMadeAndNothingLost() public view {
        handler.check();
    }
}
