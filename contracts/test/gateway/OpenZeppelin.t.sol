// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {CrosschainLinked} from "@openzeppelin/contracts/crosschain/CrosschainLinked.sol";
import {
    CrosschainRemoteExecutor
} from "@openzeppelin/contracts/crosschain/CrosschainRemoteExecutor.sol";
import {ERC7786Recipient} from "@openzeppelin/contracts/crosschain/ERC7786Recipient.sol";
import {
    BridgeERC7802,
    IERC7802
} from "@openzeppelin/contracts/crosschain/bridges/BridgeERC7802.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {
    ERC20,
    ERC20Bridgeable
} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC20Bridgeable.sol";
import {BridgedToken} from "../../src/examples/BridgedToken.sol";
import {TokenBridge} from "../../src/examples/TokenBridge.sol";
import {Message} from "../../src/metalayer/libs/Message.sol";
import {GatewayTest} from "./GatewayTest.sol";

contract BridgeableCoin is ERC20("Bridgeable", "BR"), ERC20Bridgeable {
    address public immutable bridge;

    constructor(address bridge_) {
        bridge = bridge_;
    }

    function _checkTokenBridge(address caller) internal view override {
        require(caller == bridge, "not the bridge");
    }
}

contract MintingBridge is BridgeERC7802 {
    constructor(IERC7802 token_, Link[] memory links)
        BridgeERC7802(token_)
        CrosschainLinked(links)
    {}
}

/// @notice OpenZeppelin's crosschain contracts over the gateway, their sources as they come.
contract OpenZeppelinCrosschainTest is GatewayTest {
    uint256 internal constant SUPPLY = 1_000 ether;

    BridgedToken internal coin;
    TokenBridge internal bridge;

    function setUp() public override {
        super.setUp();
        coin = new BridgedToken("Coin", "COIN", alice, SUPPLY, new CrosschainLinked.Link[](0));
    }

    function test_erc20_lockedHereMintedThereAndBack() public {
        address counterpart = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        bridge = new TokenBridge(coin, _link(address(gatewayHere), _there(counterpart)));
        vm.chainId(CHAIN_THERE);
        BridgedToken minted = new BridgedToken(
            "C", "C", address(0), 0, _link(address(gatewayThere), _here(address(bridge)))
        );
        assertEq(address(minted), counterpart);
        _thereAndBack(minted, address(minted));
    }

    function test_erc7802_lockedHereMintedThereAndBack() public {
        uint64 nonce = vm.getNonce(address(this));
        address counterpart = vm.computeCreateAddress(address(this), nonce + 2);
        bridge = new TokenBridge(coin, _link(address(gatewayHere), _there(counterpart)));
        vm.chainId(CHAIN_THERE);
        BridgeableCoin minted = new BridgeableCoin(counterpart);
        MintingBridge other =
            new MintingBridge(minted, _link(address(gatewayThere), _here(address(bridge))));
        assertEq(address(other), counterpart);
        _thereAndBack(minted, address(other));
    }

    /// @dev What another contract's gateway or another sender brings is refused.
    function test_erc20_refusesWhoIsNotItsCounterpart() public {
        bridge = new TokenBridge(coin, _link(address(gatewayThere), _here(bob)));
        bytes memory payload = abi.encode(_here(alice), abi.encodePacked(alice), 1 ether);
        bytes memory body = _body(0, 0, alice, address(bridge), payload);
        vm.expectRevert(
            abi.encodeWithSelector(
                ERC7786Recipient.ERC7786RecipientUnauthorizedGateway.selector,
                address(gatewayThere),
                _here(alice)
            )
        );
        there.mailbox.process("", _messageThere(0, body));
        vm.expectRevert(
            abi.encodeWithSelector(
                ERC7786Recipient.ERC7786RecipientUnauthorizedGateway.selector,
                address(this),
                _here(bob)
            )
        );
        bridge.receiveMessage(0, _here(bob), payload);
    }

    function test_remoteExecutor_callsOnTheOtherChain() public {
        vm.chainId(CHAIN_THERE);
        CrosschainRemoteExecutor executor =
            new CrosschainRemoteExecutor(address(gatewayThere), _here(alice));
        vm.chainId(CHAIN_HERE);
        vm.prank(alice);
        coin.transfer(address(executor), 5 ether);

        // ERC-7579: a single call, which fails loudly (mode 0), as target ‖ value ‖ calldata
        bytes memory call = abi.encodeCall(IERC20.transfer, (bob, 5 ether));
        bytes memory payload = abi.encodePacked(bytes32(0), address(coin), uint256(0), call);
        vm.prank(alice);
        gatewayHere.sendMessage(_there(address(executor)), payload, none);
        _bringThere(_messageThere(0, _body(0, 0, alice, address(executor), payload)));
        assertEq(coin.balanceOf(bob), 5 ether);

        vm.expectRevert(
            abi.encodeWithSelector(
                ERC7786Recipient.ERC7786RecipientUnauthorizedGateway.selector,
                address(gatewayThere),
                _here(bob)
            )
        );
        there.mailbox.process("", _messageThere(1, _body(1, 0, bob, address(executor), payload)));
    }

    function _thereAndBack(IERC20 minted, address other) private {
        vm.chainId(CHAIN_HERE);
        vm.startPrank(alice);
        coin.approve(address(bridge), 40 ether);
        bridge.crosschainTransfer(_there(bob), 40 ether);
        vm.stopPrank();
        bytes memory payload = abi.encode(_here(alice), abi.encodePacked(bob), 40 ether);
        _bringThere(_messageThere(0, _body(0, 0, address(bridge), other, payload)));
        assertEq(minted.balanceOf(bob), 40 ether);
        assertEq(coin.balanceOf(address(bridge)), 40 ether);
        assertEq(minted.totalSupply(), 40 ether);

        vm.chainId(CHAIN_THERE);
        vm.prank(bob);
        TokenBridge(other).crosschainTransfer(_here(alice), 15 ether);
        payload = abi.encode(_there(bob), abi.encodePacked(alice), 15 ether);
        vm.chainId(CHAIN_HERE);
        here.mailbox.process("", _messageHere(0, _body(0, 0, other, address(bridge), payload)));
        assertEq(coin.balanceOf(alice), SUPPLY - 25 ether);
        assertEq(coin.balanceOf(address(bridge)), minted.totalSupply());
    }

    function _link(address gateway, bytes memory counterpart)
        private
        pure
        returns (CrosschainLinked.Link[] memory links)
    {
        links = new CrosschainLinked.Link[](1);
        links[0] = CrosschainLinked.Link(gateway, counterpart);
    }
}
