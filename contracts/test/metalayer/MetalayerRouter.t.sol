// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {
    OwnableUpgradeable
} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IInterchainGasPaymaster} from "../../src/metalayer/interfaces/IInterchainGasPaymaster.sol";
import {IMailbox} from "../../src/metalayer/interfaces/IMailbox.sol";
import {ReadOperation} from "../../src/metalayer/interfaces/IMetalayerRecipient.sol";
import {FinalityState, IMetalayerRouter} from "../../src/metalayer/interfaces/IMetalayerRouter.sol";
import {ITestRecipient} from "../../src/metalayer/interfaces/ITestRecipient.sol";
import {BoundedCall} from "../../src/metalayer/libs/BoundedCall.sol";
import {Message} from "../../src/metalayer/libs/Message.sol";
import {
    GasBurningRecipient,
    GasMeterRecipient,
    ReentrantRecipient,
    ReturnBombRecipient,
    RevertingRecipient
} from "../mocks/Recipients.sol";
import {MetalayerTest} from "../utils/MetalayerTest.sol";

contract MetalayerRouterTest is MetalayerTest {
    bytes32 internal constant RECIPIENT = bytes32(uint256(0xbeef));
    ReadOperation[] internal noReads;

    function test_initialize() public {
        assertEq(here.router.owner(), governor);
        assertEq(address(here.router.mailbox()), address(here.mailbox));
        assertEq(here.router.igp(), address(here.igp));
        assertEq(address(here.router.interchainSecurityModule()), address(here.router));
        assertEq(address(here.router.aggregateRootIsm()), address(here.ism));
        assertEq(here.router.moduleType(), 0);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        here.router.initialize(alice);
    }

    /// @dev The public ABI by its text, as a client that has never seen our interface calls it.
    function test_publicAbi() public {
        string memory rest = "(uint32,address,bytes)[],bytes,uint8,uint256)";
        bytes memory wide =
            abi.encode(THERE, RECIPIENT, noReads, bytes("x"), uint8(0), uint256(70_000));
        string[4] memory signatures = [
            string.concat("quoteDispatch(uint32,bytes32,", rest),
            string.concat("quoteDispatch(uint32,address,", rest),
            string.concat("dispatch(uint32,bytes32,", rest),
            string.concat("dispatch(uint32,address,", rest)
        ];
        for (uint256 i = 0; i < 4; ++i) {
            bytes memory result = _call(signatures[i], wide);
            assertEq(result.length, i < 2 ? 32 : 0, "dispatch returns nothing");
        }
        assertEq(here.mailbox.nonce(), 2);
        bytes memory quote =
            _call("quoteDispatch(uint32,bytes32,bytes)", abi.encode(THERE, RECIPIENT, bytes("x")));
        assertEq(abi.decode(quote, (uint256)), 0);
        bytes memory router = _call("routerAddresses(uint32)", abi.encode(THERE));
        assertEq(abi.decode(router, (address)), address(there.router));
        assertEq(abi.decode(_call("igp()", ""), (address)), address(here.igp));
    }

    function _call(string memory signature, bytes memory arguments) private returns (bytes memory) {
        bytes4 selector = bytes4(keccak256(bytes(signature)));
        (bool success, bytes memory result) =
            address(here.router).call(bytes.concat(selector, arguments));
        assertTrue(success, signature);
        return result;
    }

    // ---- dispatch

    function test_dispatch_sendsTheRoutersBody() public {
        bytes memory body = _body(80_000, address(there.recipient), "hello");
        bytes memory message = _message(0, address(here.router), address(there.router), body);
        vm.expectEmit(address(here.mailbox));
        emit IMailbox.Dispatch(
            address(here.router), THERE, Message.toBytes32(address(there.router)), message
        );
        vm.expectEmit(address(here.igp));
        emit IInterchainGasPaymaster.GasPayment(keccak256(message), THERE, 80_000, 0);
        vm.prank(alice);
        here.router
            .dispatch(
                THERE, address(there.recipient), noReads, "hello", FinalityState.INSTANT, 80_000
            );
    }

    function test_dispatch_toAnAddressOrToBytesIsTheSame() public {
        _dispatch(address(0xbeef), "x", 5);
        bytes32 first = here.mailbox.latestDispatchedId();
        vm.prank(alice);
        here.router.dispatch(THERE, RECIPIENT, noReads, "x", FinalityState.INSTANT, 5);
        bytes memory body = _body(5, address(0xbeef), "x");
        address from = address(here.router);
        address to = address(there.router);
        assertEq(first, keccak256(_message(0, from, to, body)));
        assertEq(here.mailbox.latestDispatchedId(), keccak256(_message(1, from, to, body)));
    }

    function test_dispatch_withoutGasLimitGetsTheDefault() public {
        _dispatch(address(0xbeef), "x", 0);
        bytes memory body = _body(100_000, address(0xbeef), "x");
        assertEq(
            here.mailbox.latestDispatchedId(),
            keccak256(_message(0, address(here.router), address(there.router), body))
        );
    }

    function test_dispatch_chargesTheQuoteAndRefundsTheCaller() public {
        vm.prank(governor);
        here.igp.setDefaultGasPrice(IInterchainGasPaymaster.GasPrice(1e10, 3));
        uint256 quote = here.router
        .quoteDispatch(THERE, RECIPIENT, noReads, "x", FinalityState.INSTANT, 70_000);
        assertEq(quote, 210_000);
        assertEq(
            here.router
                .quoteDispatch(THERE, address(0xbeef), noReads, "x", FinalityState.INSTANT, 70_000),
            quote
        );
        assertEq(here.router.quoteDispatch(THERE, RECIPIENT, "x"), 300_000);

        vm.prank(alice);
        here.router.dispatch{value: 1 ether}(
            THERE, RECIPIENT, noReads, "x", FinalityState.INSTANT, 70_000
        );
        assertEq(alice.balance, 100 ether - quote);
        assertEq(address(here.igp).balance, quote);
    }

    // ---- handle

    function test_handle_deliversWithSenderAndValue() public {
        bytes memory message = _route(address(there.recipient), "hello", 80_000);
        _attest();
        vm.deal(bob, 9);
        vm.prank(bob);
        there.mailbox.process{value: 9}(_proof(0), message);

        assertEq(there.recipient.lastData(), "hello");
        assertEq(there.recipient.lastSender(), Message.toBytes32(alice));
        assertEq(there.recipient.lastOrigin(), HERE);
        assertEq(there.recipient.lastCaller(), address(there.router));
        assertEq(address(there.recipient).balance, 9);
    }

    function test_handle_givesTheRecipientItsWholeGasLimit() public {
        GasMeterRecipient recipient = new GasMeterRecipient();
        bytes memory message = _route(address(recipient), "", 123_456);
        _attest();
        there.mailbox.process(_proof(0), message);
        assertLe(recipient.gasAtEntry(), 123_456);
        assertGt(recipient.gasAtEntry(), 123_456 - 3000);
    }

    /// @dev Whatever gas the bringer gives, the recipient never sees less than its limit.
    function testFuzz_handle_neverUndersuppliesTheRecipient(uint256 supplied) public {
        GasMeterRecipient recipient = new GasMeterRecipient();
        bytes memory message = _route(address(recipient), "", 400_000);
        _attest();
        bytes memory proof = _proof(0);
        supplied = bound(supplied, 30_000, 900_000);
        try there.mailbox.process{gas: supplied}(proof, message) {
            assertGt(recipient.gasAtEntry(), 400_000 - 3000);
        } catch {
            assertFalse(there.mailbox.delivered(keccak256(message)));
        }
    }

    function test_handle_revertsWithInsufficientGas() public {
        bytes memory message = _route(address(there.recipient), "", 400_000);
        _attest();
        bytes memory proof = _proof(0);
        vm.expectPartialRevert(IMetalayerRouter.InsufficientGas.selector);
        there.mailbox.process{gas: 350_000}(proof, message);
    }

    function test_handle_revertsWithInsufficientGasForAnAbsurdLimit() public {
        bytes memory message = _route(address(there.recipient), "", type(uint256).max);
        _attest();
        bytes memory proof = _proof(0);
        vm.expectPartialRevert(IMetalayerRouter.InsufficientGas.selector);
        there.mailbox.process(proof, message);
    }

    function test_handle_revertsWithRecipientReverted() public {
        _expectReverted(
            address(new RevertingRecipient()),
            abi.encodeWithSelector(RevertingRecipient.Refused.selector, 42)
        );
    }

    function test_handle_revertsWithRecipientRevertedByName() public {
        there.recipient.setBroken(true);
        _expectReverted(
            address(there.recipient),
            abi.encodeWithSelector(
                ITestRecipient.RecipientBroken.selector, "this recipient refuses every message"
            )
        );
    }

    function test_handle_revertsWithRecipientRevertedWithoutReasonWhenGasRunsOut() public {
        _expectReverted(address(new GasBurningRecipient()), "");
    }

    function test_handle_revertsWithRecipientRevertedWithACutReason() public {
        _expectReverted(address(new ReturnBombRecipient(50_000)), new bytes(BoundedCall.MAX_REASON));
    }

    function test_handle_revertsWithRecipientNotContract() public {
        bytes memory message = _route(bob, "", 80_000);
        _attest();
        bytes memory proof = _proof(0);
        vm.expectRevert(abi.encodeWithSelector(IMetalayerRouter.RecipientNotContract.selector, bob));
        there.mailbox.process(proof, message);
    }

    function test_handle_revertsWithInvalidAddress() public {
        bytes memory body =
            abi.encode(uint8(1), uint8(0), 1, bytes32(0), bytes32(type(uint256).max), noReads, "");
        vm.expectRevert(
            abi.encodeWithSelector(Message.InvalidAddress.selector, bytes32(type(uint256).max))
        );
        _handle(body);
    }

    function test_handle_revertsWithNotMailbox() public {
        vm.expectRevert(abi.encodeWithSelector(IMetalayerRouter.NotMailbox.selector, address(this)));
        there.router.handle(HERE, Message.toBytes32(address(here.router)), "");
    }

    function test_handle_revertsWithUnknownRouter() public {
        // anybody can dispatch a router's body to the router
        bytes memory message =
            _send(address(there.router), _body(80_000, address(there.recipient), "forged"));
        _attest();
        bytes memory proof = _proof(0);
        vm.expectRevert(
            abi.encodeWithSelector(
                IMetalayerRouter.UnknownRouter.selector, HERE, Message.toBytes32(alice)
            )
        );
        there.mailbox.process(proof, message);
    }

    function test_handle_revertsWithUnsupportedBodyVersion() public {
        bytes memory body = _body(1, alice, "");
        body[31] = 0x02;
        vm.expectRevert(abi.encodeWithSelector(IMetalayerRouter.UnsupportedBodyVersion.selector, 2));
        _handle(body);
    }

    function test_handle_revertsWithNotVerified() public {
        vm.expectRevert(IMetalayerRouter.NotVerified.selector);
        _handle(_body(1, address(there.recipient), ""));
    }

    function test_handle_cannotBeReentered() public {
        ReentrantRecipient recipient = new ReentrantRecipient(there.mailbox);
        bytes memory message = _route(address(recipient), "", 500_000);
        _attest();
        bytes memory proof = _proof(0);
        recipient.arm(proof, message);
        there.mailbox.process(proof, message);
        assertEq(recipient.handled(), 1);
        assertEq(
            recipient.innerReason(),
            abi.encodeWithSelector(IMailbox.AlreadyDelivered.selector, keccak256(message))
        );
    }

    // ---- routers

    function test_routerAddresses_isThisOneUnlessTheGovernorSays() public {
        assertEq(here.router.routerAddresses(903), address(here.router));
        vm.expectEmit(address(here.router));
        emit IMetalayerRouter.RouterAddressSet(903, bob);
        vm.startPrank(governor);
        here.router.setRouterAddress(903, bob);
        assertEq(here.router.routerAddresses(903), bob);
        here.router.setRouterAddress(903, address(0));
        assertEq(here.router.routerAddresses(903), address(here.router));
    }

    function test_setRouterAddress_revertsWithOwnableUnauthorizedAccount() public {
        vm.expectRevert(
            abi.encodeWithSelector(OwnableUpgradeable.OwnableUnauthorizedAccount.selector, alice)
        );
        vm.prank(alice);
        here.router.setRouterAddress(903, alice);
    }

    function testFuzz_route_bodyArrives(bytes calldata body, address sender) public {
        vm.assume(body.length < 2000);
        vm.prank(sender);
        here.router
            .dispatch(
                THERE, address(there.recipient), noReads, body, FinalityState.INSTANT, 3_000_000
            );
        ids.push(here.mailbox.latestDispatchedId());
        bytes memory routed = abi.encode(
            uint8(1),
            uint8(0),
            3_000_000,
            Message.toBytes32(sender),
            Message.toBytes32(address(there.recipient)),
            noReads,
            body
        );
        _attest();
        there.mailbox
            .process(_proof(0), _message(0, address(here.router), address(there.router), routed));
        assertEq(there.recipient.lastData(), body);
        assertEq(there.recipient.lastSender(), Message.toBytes32(sender));
    }

    function _dispatch(address recipient, bytes memory data, uint256 gasLimit) private {
        vm.prank(alice);
        here.router.dispatch(THERE, recipient, noReads, data, FinalityState.INSTANT, gasLimit);
        ids.push(here.mailbox.latestDispatchedId());
    }

    function _route(address recipient, bytes memory data, uint256 gasLimit)
        private
        returns (bytes memory)
    {
        uint32 nonce = here.mailbox.nonce();
        _dispatch(recipient, data, gasLimit);
        return _message(
            nonce, address(here.router), address(there.router), _body(gasLimit, recipient, data)
        );
    }

    /// @dev As docs/formats.md has it, from alice.
    function _body(uint256 gasLimit, address recipient, bytes memory data)
        private
        view
        returns (bytes memory)
    {
        return abi.encode(
            uint8(1),
            uint8(0),
            gasLimit,
            Message.toBytes32(alice),
            Message.toBytes32(recipient),
            noReads,
            data
        );
    }

    function _handle(bytes memory body) private {
        vm.prank(address(there.mailbox));
        there.router.handle(HERE, Message.toBytes32(address(here.router)), body);
    }

    function _expectReverted(address recipient, bytes memory reason) private {
        bytes memory message = _route(recipient, "x", 80_000);
        _attest();
        bytes memory proof = _proof(0);
        vm.expectRevert(abi.encodeWithSelector(IMetalayerRouter.RecipientReverted.selector, reason));
        there.mailbox.process(proof, message);
    }
}
