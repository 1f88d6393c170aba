// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {OptimismPortal} from "../../src/rollup/OptimismPortal.sol";
import {ICrossDomainMessenger} from "../../src/rollup/bridge/interfaces/ICrossDomainMessenger.sol";
import {OptimismMintableERC20} from "../../src/rollup/bridge/OptimismMintableERC20.sol";
import {
    IOptimismPortal,
    OutputRootProof,
    WithdrawalTransaction
} from "../../src/rollup/interfaces/IOptimismPortal.sol";
import {Predeploys} from "../../src/rollup/libs/Predeploys.sol";
import {BridgeFixture} from "./BridgeFixture.sol";
import {Coin} from "./StandardBridge.t.sol";

/// @dev Calls back while it moves, as tokens with hooks (ERC-777) let their holders do.
contract HookedCoin is ERC20("Hooked", "HOOK") {
    address public hook;
    bytes public call;
    bytes public reason;

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function arm(address hook_, bytes calldata call_) external {
        (hook, call) = (hook_, call_);
    }

    function _update(address from, address to, uint256 amount) internal override {
        address target = hook;
        hook = address(0);
        if (target != address(0)) {
            (, reason) = target.call(call);
        }
        super._update(from, to, amount);
    }
}

/// @dev Notes what it has when it is called.
contract Till {
    ERC20 private immutable _coin;
    IOptimismPortal private immutable _portal;
    uint256 public had;
    uint256 public coins;
    address public l2Sender;

    constructor(ERC20 coin, IOptimismPortal portal) {
        _coin = coin;
        _portal = portal;
    }

    function open() external payable {
        had = _coin.balanceOf(address(this));
        coins = msg.value;
        l2Sender = _portal.l2Sender();
    }
}

contract GasTokenTest is BridgeFixture {
    uint256 internal constant SCALE = 1e12;
    address internal alice = makeAddr("alice");
    address internal bob = makeAddr("bob");
    Coin internal coin;

    function setUp() public override {
        super.setUp();
        coin.mint(alice, 1_000e6);
        vm.prank(alice);
        coin.approve(address(portal), type(uint256).max);
        vm.deal(alice, 10 ether);
    }

    function makeGasToken() internal override returns (address) {
        coin = new Coin(6);
        return address(coin);
    }

    function test_gasPayingToken() public view {
        (address token, uint8 decimals) = portal.gasPayingToken();
        assertEq(token, address(coin));
        assertEq(decimals, 6);
        assertEq(portal.balance(), 0);
    }

    function testFuzz_deposit_mintsAtScale(uint256 units, uint256 value, bytes calldata data)
        public
    {
        units = bound(units, 0, 1_000e6);
        uint64 gasLimit = portal.minimumGasLimit(uint64(data.length));
        bytes memory opaque = abi.encodePacked(units * SCALE, value, gasLimit, false, data);
        vm.expectEmit(address(portal));
        emit IOptimismPortal.TransactionDeposited(alice, bob, 0, opaque);
        vm.prank(alice, alice);
        portal.depositERC20Transaction(bob, units, value, gasLimit, false, data);
        assertEq(coin.balanceOf(address(portal)), units);
        assertEq(portal.balance(), units);
    }

    /// @dev Any amount that came in leaves to the last unit, from 0 to 18 decimals.
    function testFuzz_thereAndBack(uint8 decimals, uint64 units) public {
        decimals = uint8(bound(decimals, 0, 18));
        uint256 scale = 10 ** (18 - decimals);
        coin = new Coin(decimals);
        portal = _portalOf(address(coin));
        coin.mint(alice, units);
        vm.startPrank(alice, alice);
        coin.approve(address(portal), units);
        portal.depositERC20Transaction(alice, units, 0, 100_000, false, "");
        vm.stopPrank();
        WithdrawalTransaction memory it =
            WithdrawalTransaction(0, alice, bob, units * scale, 100_000, "");
        prove(it);
        finalize(it);
        assertEq(coin.balanceOf(bob), units);
        assertEq(portal.balance(), 0);
    }

    function test_ether_isRefused() public {
        vm.startPrank(alice, alice);
        bytes memory reason =
            abi.encodeWithSelector(IOptimismPortal.OnlyGasToken.selector, address(coin));
        vm.expectRevert(reason);
        portal.depositTransaction{value: 1}(bob, 0, 100_000, false, "");
        vm.expectRevert(reason);
        portal.donateETH{value: 1}();
        (bool done, bytes memory answer) = address(portal).call{value: 1}("");
        assertFalse(done);
        assertEq(answer, reason);
        // calls without coins go as ever
        portal.depositTransaction(bob, 0, 100_000, false, "");
    }

    function test_tokens_areRefusedWhereTheCoinIsEther() public {
        OptimismPortal ofEther = _portalOf(address(0));
        vm.expectRevert(IOptimismPortal.OnlyEther.selector);
        ofEther.depositERC20Transaction(bob, 1, 0, 100_000, false, "");
    }

    function test_deposit_revertsWithInexactTransfer() public {
        coin.setFee(1);
        vm.prank(alice, alice);
        vm.expectRevert(
            abi.encodeWithSelector(
                IOptimismPortal.InexactTransfer.selector, address(coin), uint256(4), uint256(5)
            )
        );
        portal.depositERC20Transaction(bob, 5, 0, 100_000, false, "");
    }

    function test_deposit_revertsWithEscrowTooLarge() public {
        uint256 most = uint256(type(uint128).max) / SCALE;
        coin.mint(alice, type(uint200).max);
        vm.startPrank(alice, alice);
        portal.depositERC20Transaction(bob, most, 0, 100_000, false, "");
        vm.expectRevert(
            abi.encodeWithSelector(IOptimismPortal.EscrowTooLarge.selector, most + 1, most)
        );
        portal.depositERC20Transaction(bob, 1, 0, 100_000, false, "");
    }

    function test_initialize_revertsWithTooManyDecimals() public {
        Coin fine = new Coin(19);
        address code = address(new OptimismPortal());
        vm.expectRevert(
            abi.encodeWithSelector(
                IOptimismPortal.TooManyDecimals.selector, address(fine), uint8(19)
            )
        );
        new ERC1967Proxy(code, _initializer(address(fine)));
    }

    /// @dev The call finds the tokens there, gets no coins, and knows who sent it.
    function test_finalize_paysBeforeTheCall() public {
        _lock(50);
        Till till = new Till(coin, portal);
        bytes memory call = abi.encodeCall(Till.open, ());
        WithdrawalTransaction memory it =
            WithdrawalTransaction(0, alice, address(till), 50 * SCALE, 200_000, call);
        prove(it);
        finalize(it);
        assertEq(till.had(), 50);
        assertEq(till.coins(), 0);
        assertEq(till.l2Sender(), alice);
    }

    /// @dev What was paid stays paid when the call behind it fails.
    function test_finalize_paysThoughTheCallFails() public {
        _lock(50);
        WithdrawalTransaction memory it =
            WithdrawalTransaction(0, alice, address(outputs), 50 * SCALE, 100_000, hex"12345678");
        prove(it);
        outputs.setFinal(1);
        vm.expectEmit(address(portal));
        emit IOptimismPortal.WithdrawalFinalized(hashOf(it), false);
        portal.finalizeWithdrawalTransaction(it);
        assertEq(coin.balanceOf(address(outputs)), 50);
    }

    function test_finalize_revertsWithEscrowTooSmall() public {
        _lock(49);
        // given away, so no part of what deposits locked
        coin.mint(address(portal), 100);
        WithdrawalTransaction memory it =
            WithdrawalTransaction(0, alice, bob, 50 * SCALE, 100_000, "");
        prove(it);
        outputs.setFinal(1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IOptimismPortal.EscrowTooSmall.selector, uint256(50), uint256(49)
            )
        );
        portal.finalizeWithdrawalTransaction(it);
    }

    function test_prove_revertsWithBadTarget() public {
        WithdrawalTransaction memory it = WithdrawalTransaction(
            0, alice, address(coin), 0, 100_000, abi.encodeCall(ERC20.approve, (alice, 1e18))
        );
        _expectUnproven(it, abi.encodeWithSelector(IOptimismPortal.BadTarget.selector, it.target));
    }

    function testFuzz_prove_revertsWithDust(uint128 value) public {
        vm.assume(value % SCALE != 0);
        WithdrawalTransaction memory it = WithdrawalTransaction(0, alice, bob, value, 100_000, "");
        _expectUnproven(
            it, abi.encodeWithSelector(IOptimismPortal.DustNotWithdrawable.selector, value, SCALE)
        );
    }

    function test_hooks_cannotMoveMore() public {
        HookedCoin hooked = new HookedCoin();
        portal = _portalOf(address(hooked));
        hooked.mint(alice, 100);
        hooked.mint(address(hooked), 100);
        vm.prank(address(hooked));
        hooked.approve(address(portal), 100);
        vm.startPrank(alice, alice);
        hooked.approve(address(portal), 100);
        bytes memory call = abi.encodeCall(
            OptimismPortal.depositERC20Transaction, (alice, 7, 0, 100_000, false, "")
        );
        hooked.arm(address(portal), call);
        portal.depositERC20Transaction(alice, 100, 0, 100_000, false, "");
        vm.stopPrank();
        assertEq(hooked.reason(), abi.encodeWithSelector(IOptimismPortal.Reentered.selector));
        assertEq(portal.balance(), 100);

        WithdrawalTransaction memory one = WithdrawalTransaction(0, alice, bob, 40, 100_000, "");
        WithdrawalTransaction memory two = WithdrawalTransaction(1, alice, bob, 60, 100_000, "");
        prove(one);
        prove(two);
        outputs.setFinal(2);
        hooked.arm(
            address(portal), abi.encodeCall(OptimismPortal.finalizeWithdrawalTransaction, (two))
        );
        portal.finalizeWithdrawalTransaction(one);
        assertEq(hooked.reason(), abi.encodeWithSelector(IOptimismPortal.Reentered.selector));
        assertEq(hooked.balanceOf(bob), 40);
        portal.finalizeWithdrawalTransaction(two);
        assertEq(hooked.balanceOf(bob), 100);
        assertEq(portal.balance(), 0);
    }

    function test_bridges_refuseCoinsAndTakeTokens() public {
        bytes memory reason =
            abi.encodeWithSelector(ICrossDomainMessenger.NoValueWithGasToken.selector, uint256(1));
        vm.startPrank(alice, alice);
        vm.expectRevert(reason);
        l1Bridge.depositETH{value: 1}(200_000, "");
        vm.expectRevert(reason);
        l1Messenger.sendMessage{value: 1}(bob, "", 100_000);
        vm.expectRevert(reason);
        l2Messenger.sendMessage{value: 1}(bob, "", 100_000);
        vm.expectRevert(reason);
        l2Bridge.withdraw{value: 1}(Predeploys.LEGACY_ETH, 1, 200_000, "");

        // the token itself crosses there, too, as the token that it is
        OptimismMintableERC20 below = OptimismMintableERC20(
            factory.createOptimismMintableERC20WithDecimals(address(coin), "Coin", "COIN", 6)
        );
        coin.approve(address(l1Bridge), 5);
        vm.recordLogs();
        l1Bridge.depositERC20(address(coin), address(below), 5, 200_000, "");
        vm.stopPrank();
        deliver(vm.getRecordedLogs());
        assertEq(below.balanceOf(alice), 5);
    }

    function _lock(uint256 units) private {
        vm.prank(alice, alice);
        portal.depositERC20Transaction(alice, units, 0, 100_000, false, "");
    }

    function _expectUnproven(WithdrawalTransaction memory it, bytes memory reason) private {
        (OutputRootProof memory parts, bytes[] memory nodes) = proofOf(it);
        uint256 index = outputs.post(keccak256(abi.encode(parts)));
        vm.expectRevert(reason);
        portal.proveWithdrawalTransaction(it, index, parts, nodes);
    }

    function _portalOf(address token) private returns (OptimismPortal) {
        address code = address(new OptimismPortal());
        return OptimismPortal(payable(new ERC1967Proxy(code, _initializer(token))));
    }

    function _initializer(address token) private view returns (bytes memory) {
        return abi.encodeCall(OptimismPortal.initialize, (governor, 901, address(outputs), token));
    }
}
