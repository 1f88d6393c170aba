// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Vm} from "forge-std/Test.sol";
import {L2CrossDomainMessenger} from "../../src/rollup/bridge/L2CrossDomainMessenger.sol";
import {OptimismMintableERC20} from "../../src/rollup/bridge/OptimismMintableERC20.sol";
import {ICrossDomainMessenger} from "../../src/rollup/bridge/interfaces/ICrossDomainMessenger.sol";
import {
    IOptimismMintableERC20
} from "../../src/rollup/bridge/interfaces/IOptimismMintableERC20.sol";
import {
    IOptimismMintableERC20Factory
} from "../../src/rollup/bridge/interfaces/IOptimismMintableERC20Factory.sol";
import {IStandardBridge} from "../../src/rollup/bridge/interfaces/IStandardBridge.sol";
import {WithdrawalTransaction} from "../../src/rollup/interfaces/IOptimismPortal.sol";
import {Callers} from "../../src/rollup/libs/Callers.sol";
import {Predeploys} from "../../src/rollup/libs/Predeploys.sol";
import {BridgeFixture} from "./BridgeFixture.sol";

contract Coin is ERC20("Coin", "COIN") {
    uint8 private immutable _decimals;
    uint256 public fee;

    constructor(uint8 decimals_) {
        _decimals = decimals_;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function setFee(uint256 fee_) external {
        fee = fee_;
    }

    function decimals() public view override returns (uint8) {
        return _decimals;
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (fee != 0 && from != address(0)) super._update(to, address(0), fee);
    }
}

/// @dev Refuses coins until it is told otherwise.
contract Moody {
    bool public takes;

    receive() external payable {
        require(takes, "no");
    }

    function take() external {
        takes = true;
    }
}

contract StandardBridgeTest is BridgeFixture {
    uint32 internal constant GAS = 200_000;
    address internal alice = makeAddr("alice");
    address internal bob = makeAddr("bob");
    Coin internal coin;
    OptimismMintableERC20 internal l2Coin;

    function setUp() public override {
        super.setUp();
        coin = new Coin(6);
        coin.mint(alice, 1_000e6);
        vm.prank(alice);
        coin.approve(address(l1Bridge), type(uint256).max);
        l2Coin = OptimismMintableERC20(
            factory.createOptimismMintableERC20WithDecimals(address(coin), "Coin", "COIN", 6)
        );
        vm.deal(alice, 100 ether);
    }

    function testFuzz_eth_thereAndBack(uint96 amount, uint96 back) public {
        amount = uint96(bound(amount, 0, 100 ether));
        back = uint96(bound(back, 0, amount));
        vm.recordLogs();
        vm.prank(alice, alice);
        l1Bridge.depositETHTo{value: amount}(bob, GAS, "hello");
        deliver(vm.getRecordedLogs());
        assertEq(bob.balance, amount);
        assertEq(address(portal).balance, amount);

        address carol = makeAddr("carol");
        vm.prank(bob, bob);
        l2Bridge.withdrawTo{value: back}(Predeploys.LEGACY_ETH, carol, back, GAS, "");
        _payAll(vm.getRecordedLogs());
        assertEq(carol.balance, back);
        assertEq(address(portal).balance, amount - back);
    }

    function testFuzz_erc20_thereAndBack(uint64 amount, uint64 back) public {
        amount = uint64(bound(amount, 0, 1_000e6));
        back = uint64(bound(back, 0, amount));
        vm.recordLogs();
        vm.prank(alice, alice);
        l1Bridge.depositERC20(address(coin), address(l2Coin), amount, GAS, "");
        deliver(vm.getRecordedLogs());
        assertEq(l2Coin.balanceOf(alice), amount);
        assertEq(l1Bridge.deposits(address(coin), address(l2Coin)), amount);

        vm.prank(alice, alice);
        l2Bridge.withdraw(address(l2Coin), back, GAS, "");
        _payAll(vm.getRecordedLogs());
        assertEq(coin.balanceOf(alice), 1_000e6 - amount + back);
        assertEq(l2Coin.totalSupply(), amount - back);
        assertEq(coin.balanceOf(address(l1Bridge)), amount - back);
    }

    /// @dev Plain transfers of coins to the bridges bridge them.
    function test_receive_bridges() public {
        vm.recordLogs();
        vm.prank(alice, alice);
        (bool success,) = address(l1Bridge).call{value: 3}("");
        assertTrue(success);
        deliver(vm.getRecordedLogs());
        assertEq(alice.balance, 100 ether);
        vm.prank(alice, alice);
        (success,) = address(l2Bridge).call{value: 3}("");
        assertTrue(success);
        _payAll(vm.getRecordedLogs());
        assertEq(alice.balance, 100 ether);
        assertEq(address(portal).balance, 0);
    }

    function test_contracts_mustSayWho() public {
        vm.deal(address(this), 1);
        bytes memory wanted =
            abi.encodeWithSelector(IStandardBridge.NotAnAccount.selector, address(this));
        vm.expectRevert(wanted);
        l1Bridge.depositETH{value: 1}(GAS, "");
        vm.expectRevert(wanted);
        l1Bridge.bridgeERC20(address(coin), address(l2Coin), 1, GAS, "");
        vm.expectRevert(wanted);
        l2Bridge.withdraw(address(l2Coin), 1, GAS, "");
    }

    /// @dev A message that fails keeps its coins and can be tried again, once it can succeed; never twice.
    function test_relay_failsAndIsTriedAgain() public {
        Moody moody = new Moody();
        vm.recordLogs();
        vm.prank(alice, alice);
        l1Bridge.depositETHTo{value: 7}(address(moody), GAS, "");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        deliver(logs);
        bytes memory call = _relayCall(address(l1Bridge), address(moody), 7, GAS);
        bytes32 hash = keccak256(call);
        assertTrue(l2Messenger.failedMessages(hash));
        assertEq(address(l2Messenger).balance, 7);

        _relay(call, "");
        assertTrue(l2Messenger.failedMessages(hash));
        moody.take();
        _relay(call, "");
        assertEq(address(moody).balance, 7);
        assertTrue(l2Messenger.successfulMessages(hash));
        assertFalse(l2Messenger.failedMessages(hash));
        _relay(call, abi.encodeWithSelector(ICrossDomainMessenger.AlreadyRelayed.selector, hash));
    }

    function test_relay_revertsWithNotFailed() public {
        bytes memory call = _relayCall(address(l1Bridge), alice, 7, GAS);
        _relay(
            call, abi.encodeWithSelector(ICrossDomainMessenger.NotFailed.selector, keccak256(call))
        );
        // the L1's messenger is known by its alias alone
        vm.prank(address(l1Messenger));
        _relay(
            call, abi.encodeWithSelector(ICrossDomainMessenger.NotFailed.selector, keccak256(call))
        );
    }

    function test_relay_revertsWithWrongValue() public {
        bytes memory call = _relayCall(address(l1Bridge), alice, 7, GAS);
        vm.prank(Callers.aliased(address(l1Messenger)));
        _relay(call, abi.encodeWithSelector(ICrossDomainMessenger.WrongValue.selector, 0, 7));
    }

    function test_relay_revertsWithUnsafeTarget() public {
        address[2] memory unsafe = [address(l2Messenger), address(passer)];
        for (uint256 i = 0; i < 2; ++i) {
            bytes memory call = abi.encodeCall(
                ICrossDomainMessenger.relayMessage, (1 << 240, alice, unsafe[i], 0, GAS, "")
            );
            vm.prank(Callers.aliased(address(l1Messenger)));
            _relay(
                call, abi.encodeWithSelector(ICrossDomainMessenger.UnsafeTarget.selector, unsafe[i])
            );
        }
    }

    /// @dev Whoever withdraws directly to the L1's messenger is not the rollup's messenger.
    function test_relay_trustsTheOtherMessengerAlone() public {
        vm.deal(address(portal), 5);
        bytes memory call = abi.encodeCall(
            ICrossDomainMessenger.relayMessage,
            (
                1 << 240,
                address(l2Bridge),
                address(l1Bridge),
                5,
                GAS,
                abi.encodeCall(IStandardBridge.finalizeBridgeETH, (alice, alice, 5, ""))
            )
        );
        vm.deal(bob, 5);
        vm.recordLogs();
        vm.prank(bob, bob);
        passer.initiateWithdrawal{value: 5}(address(l1Messenger), 1_000_000, call);
        _payAll(vm.getRecordedLogs());
        assertEq(alice.balance, 100 ether);
        assertEq(address(portal).balance, 5);
    }

    function test_finalizeBridge_revertsWithNotOtherBridge() public {
        bytes memory wanted =
            abi.encodeWithSelector(IStandardBridge.NotOtherBridge.selector, address(this));
        vm.expectRevert(wanted);
        l1Bridge.finalizeBridgeETH(alice, alice, 0, "");
        vm.expectRevert(wanted);
        l2Bridge.finalizeBridgeERC20(address(l2Coin), address(coin), alice, alice, 1, "");
        vm.expectRevert(
            abi.encodeWithSelector(IOptimismMintableERC20.NotBridge.selector, address(this))
        );
        l2Coin.mint(alice, 1);
        vm.expectRevert(
            abi.encodeWithSelector(IOptimismMintableERC20.NotBridge.selector, address(this))
        );
        l2Coin.burn(alice, 1);
    }

    /// @dev Somebody's own message can't speak for the bridge.
    function test_finalizeBridge_refusesMessagesOfOthers() public {
        vm.recordLogs();
        vm.prank(alice, alice);
        l1Messenger.sendMessage(
            address(l2Bridge),
            abi.encodeCall(
                IStandardBridge.finalizeBridgeERC20,
                (address(l2Coin), address(coin), alice, alice, 1, "")
            ),
            GAS
        );
        deliver(vm.getRecordedLogs());
        assertEq(l2Coin.totalSupply(), 0);
    }

    /// @dev A made-up token of the rollup can't take what was locked for the right one.
    function test_withdraw_onlyWhatWasLockedForThatPair() public {
        vm.recordLogs();
        vm.prank(alice, alice);
        l1Bridge.depositERC20(address(coin), address(l2Coin), 100, GAS, "");
        deliver(vm.getRecordedLogs());
        Coin fake = new Coin(6);
        fake.mint(bob, 100);
        vm.startPrank(bob, bob);
        fake.approve(address(l2Bridge), 100);
        l2Bridge.bridgeERC20(address(fake), address(coin), 100, GAS, "");
        vm.stopPrank();
        _payAll(vm.getRecordedLogs());
        assertEq(coin.balanceOf(bob), 0);
        assertEq(coin.balanceOf(address(l1Bridge)), 100);
    }

    function test_bridgeERC20_revertsWithInexactTransfer() public {
        coin.setFee(1);
        vm.prank(alice, alice);
        vm.expectRevert(
            abi.encodeWithSelector(IStandardBridge.InexactTransfer.selector, address(coin), 99, 100)
        );
        l1Bridge.depositERC20(address(coin), address(l2Coin), 100, GAS, "");
    }

    function test_bridgeERC20_revertsWithWrongTokenPair() public {
        vm.prank(alice, alice);
        vm.expectRevert(
            abi.encodeWithSelector(
                IStandardBridge.WrongTokenPair.selector, address(l2Coin), address(1), address(coin)
            )
        );
        l2Bridge.bridgeERC20(address(l2Coin), address(1), 100, GAS, "");
    }

    function test_bridgeERC20_revertsWithNoToken() public {
        vm.startPrank(alice, alice);
        vm.expectRevert(abi.encodeWithSelector(IStandardBridge.NoToken.selector, bob));
        l1Bridge.bridgeERC20(bob, address(l2Coin), 100, GAS, "");
        vm.expectRevert(abi.encodeWithSelector(IStandardBridge.NoToken.selector, bob));
        l2Bridge.withdraw(bob, 100, GAS, "");
    }

    function test_withdraw_revertsWithWrongValue() public {
        vm.startPrank(alice, alice);
        vm.expectRevert(abi.encodeWithSelector(IStandardBridge.WrongValue.selector, 1, 2));
        l2Bridge.withdraw{value: 1}(Predeploys.LEGACY_ETH, 2, GAS, "");
        vm.expectRevert(abi.encodeWithSelector(IStandardBridge.WrongValue.selector, 1, 0));
        l2Bridge.withdraw{value: 1}(address(l2Coin), 2, GAS, "");
    }

    function testFuzz_factory_makesEachTokenOnce(string memory name, uint8 decimals) public {
        address expected = factory.tokenAddress(address(this), name, "T", decimals);
        address made =
            factory.createOptimismMintableERC20WithDecimals(address(this), name, "T", decimals);
        assertEq(made, expected);
        assertEq(factory.deployments(made), address(this));
        assertEq(OptimismMintableERC20(made).decimals(), decimals);
        assertEq(OptimismMintableERC20(made).l2Bridge(), address(l2Bridge));
        assertEq(OptimismMintableERC20(made).BRIDGE(), address(l2Bridge));
        assertEq(OptimismMintableERC20(made).REMOTE_TOKEN(), address(this));
        assertTrue(OptimismMintableERC20(made).supportsInterface(0x1d1d8b63));
        assertTrue(OptimismMintableERC20(made).supportsInterface(0xec4fc8e3));
        vm.expectRevert();
        factory.createOptimismMintableERC20WithDecimals(address(this), name, "T", decimals);
        vm.expectRevert(IOptimismMintableERC20Factory.RemoteTokenZero.selector);
        factory.createStandardL2Token(address(0), name, "T");
    }

    function testFuzz_token_permits(string memory name, uint128 key, uint256 amount) public {
        vm.assume(key != 0);
        OptimismMintableERC20 token =
            OptimismMintableERC20(factory.createOptimismMintableERC20(address(this), name, "T"));
        (address owner, uint256 deadline) = (vm.addr(key), block.timestamp);
        bytes32 what = keccak256(
            abi.encode(
                keccak256(
                    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
                ),
                owner,
                alice,
                amount,
                0,
                deadline
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", _domain(token), what));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        vm.expectPartialRevert(OptimismMintableERC20.NotSignedByOwner.selector);
        token.permit(alice, owner, amount, deadline, v, r, s);
        token.permit(owner, alice, amount, deadline, v, r, s);
        assertEq(token.allowance(owner, alice), amount);
        assertEq(token.nonces(owner), 1);
        vm.expectPartialRevert(OptimismMintableERC20.NotSignedByOwner.selector);
        token.permit(owner, alice, amount, deadline, v, r, s);
        vm.warp(deadline + 1);
        vm.expectRevert(
            abi.encodeWithSelector(OptimismMintableERC20.PermitExpired.selector, deadline)
        );
        token.permit(owner, alice, amount, deadline, v, r, s);
    }

    /// @dev As a wallet computes it (EIP-712).
    function _domain(OptimismMintableERC20 token) private view returns (bytes32) {
        bytes32 kind = keccak256(
            "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
        );
        bytes32 name = keccak256(bytes(token.name()));
        return keccak256(abi.encode(kind, name, keccak256("1"), block.chainid, token));
    }

    function _payAll(Vm.Log[] memory logs) private {
        WithdrawalTransaction[] memory found = withdrawalsIn(logs);
        for (uint256 i = 0; i < found.length; ++i) {
            prove(found[i]);
            finalize(found[i]);
        }
    }

    function test_gettersByOlderNames() public view {
        assertEq(l2Messenger.OTHER_MESSENGER(), address(l1Messenger));
        assertEq(l2Messenger.l1CrossDomainMessenger(), address(l1Messenger));
        assertEq(l1Messenger.OTHER_MESSENGER(), address(l2Messenger));
        assertEq(l2Bridge.MESSENGER(), address(l2Messenger));
        assertEq(l2Bridge.OTHER_BRIDGE(), address(l1Bridge));
        assertFalse(l2Messenger.paused() || l2Bridge.paused() || l1Messenger.paused());
    }

    /// @dev By the formula of the OP Stack's own contract (CrossDomainMessenger 2.11).
    function testFuzz_baseGas_isThatOfTheConstants(bytes calldata message, uint32 least)
        public
        view
    {
        L2CrossDomainMessenger m = l2Messenger;
        uint64 call = m.RELAY_CONSTANT_OVERHEAD() + m.RELAY_CALL_OVERHEAD() + m.RELAY_RESERVED_GAS()
            + m.RELAY_GAS_CHECK_BUFFER() + uint64(least) * m.MIN_GAS_DYNAMIC_OVERHEAD_NUMERATOR()
            / m.MIN_GAS_DYNAMIC_OVERHEAD_DENOMINATOR();
        uint64 size = uint64(message.length) + m.ENCODING_OVERHEAD();
        uint256 gas_ = Math.max(
            call + size * m.MIN_GAS_CALLDATA_OVERHEAD(), size * m.FLOOR_CALLDATA_OVERHEAD()
        );
        assertEq(m.baseGas(message, least), m.TX_BASE_GAS() + gas_);
    }

    function _relayCall(address sender, address to, uint256 value, uint32 minGas)
        private
        view
        returns (bytes memory)
    {
        return abi.encodeCall(
            ICrossDomainMessenger.relayMessage,
            (
                1 << 240,
                sender,
                address(l2Bridge),
                value,
                minGas,
                abi.encodeCall(IStandardBridge.finalizeBridgeETH, (alice, to, value, ""))
            )
        );
    }

    function _relay(bytes memory call, bytes memory wanted) private {
        (bool success, bytes memory reason) = address(l2Messenger).call(call);
        assertEq(success, wanted.length == 0);
        if (!success) assertEq(reason, wanted);
    }
}
