// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {ERC7786Recipient} from "@openzeppelin/contracts/crosschain/ERC7786Recipient.sol";
import {
    OwnableUpgradeable
} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {
    IERC7786GatewaySource,
    IERC7786Recipient
} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";
import {
    IERC7786Attributes,
    IERC7786Gateway
} from "../../src/gateway/interfaces/IERC7786Gateway.sol";
import {IInterchainGasPaymaster} from "../../src/metalayer/interfaces/IInterchainGasPaymaster.sol";
import {IMailbox} from "../../src/metalayer/interfaces/IMailbox.sol";
import {Message} from "../../src/metalayer/libs/Message.sol";
import {
    KeepingRecipient,
    RefusingRecipient7786,
    WrongAnswerRecipient
} from "../mocks/Recipients7786.sol";
import {GatewayTest} from "./GatewayTest.sol";

contract ERC7786GatewayTest is GatewayTest {
    KeepingRecipient internal keeper;

    function setUp() public override {
        super.setUp();
        keeper = new KeepingRecipient(address(gatewayThere));
    }

    function test_initialize() public {
        assertEq(gatewayHere.owner(), governor);
        assertEq(address(gatewayHere.mailbox()), address(here.mailbox));
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        gatewayHere.initialize(alice);
    }

    // ---- sending

    function test_sendMessage_dispatchesToTheGatewayThere() public {
        bytes memory body = _body(0, 0, alice, address(keeper), "hello");
        vm.expectEmit(address(here.mailbox));
        emit IMailbox.Dispatch(
            address(gatewayHere),
            THERE,
            Message.toBytes32(address(gatewayThere)),
            _messageThere(0, body)
        );
        vm.expectEmit(address(gatewayHere));
        emit IERC7786GatewaySource.MessageSent(
            0, _here(alice), _there(address(keeper)), "hello", 0, none
        );
        assertEq(_send7786(address(keeper), "hello", none), 0, "nothing is left to do");
    }

    function test_sendMessage_revertsWithUnknownChain() public {
        bytes memory recipient = InteroperableAddress.formatEvmV1(5, bob);
        vm.expectRevert(abi.encodeWithSelector(IERC7786Gateway.UnknownChain.selector, 5));
        gatewayHere.sendMessage(recipient, "", none);
        vm.expectRevert(abi.encodeWithSelector(IERC7786Gateway.UnknownChain.selector, CHAIN_HERE));
        gatewayHere.sendMessage(_here(bob), "", none);
    }

    function test_sendMessage_revertsWithInvalidRecipient() public {
        bytes[8] memory wrong = [
            bytes(""),
            hex"0001",
            InteroperableAddress.formatEvmV1(CHAIN_THERE), // no account
            InteroperableAddress.formatEvmV1(bob), // no chain
            bytes.concat(_there(bob), hex"00"), // something follows
            bytes.concat(hex"0002", hex"0000020386", hex"14", bytes20(bob)), // version 2
            bytes.concat(hex"0001", hex"0002020386", hex"14", bytes20(bob)), // not EIP-155's
            bytes.concat(hex"0001", hex"000003000386", hex"14", bytes20(bob)) // leading zero
        ];
        for (uint256 i = 0; i < wrong.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(IERC7786Gateway.InvalidRecipient.selector, wrong[i])
            );
            gatewayHere.sendMessage(wrong[i], "", none);
        }
    }

    /// @dev What is accepted is the one canonical form, and says what was meant.
    function testFuzz_sendMessage_takesOnlyCanonicalAddresses(bytes calldata recipient) public {
        try gatewayHere.sendMessage(recipient, "", none) {
            (uint256 chainId, address account) = InteroperableAddress.parseEvmV1(recipient);
            assertEq(chainId, CHAIN_THERE);
            assertEq(recipient, _there(account));
        } catch (bytes memory reason) {
            bool named = bytes4(reason) == IERC7786Gateway.InvalidRecipient.selector
                || bytes4(reason) == IERC7786Gateway.UnknownChain.selector;
            assertTrue(named);
        }
    }

    function testFuzz_sendMessage_oneByteChangedGoesNowhereElse(uint256 place, uint8 other) public {
        bytes memory recipient = _there(bob);
        place = bound(place, 0, recipient.length - 21);
        vm.assume(recipient[place] != bytes1(other));
        recipient[place] = bytes1(other);
        vm.expectRevert();
        gatewayHere.sendMessage(recipient, "", none);
    }

    // ---- attributes and payment

    function test_supportsAttribute() public view {
        assertTrue(gatewayHere.supportsAttribute(IERC7786Attributes.requestRelay.selector));
        assertFalse(gatewayHere.supportsAttribute(0));
        assertFalse(gatewayHere.supportsAttribute(bytes4(keccak256("timeout(uint256)"))));
    }

    function test_sendMessage_revertsWithUnsupportedAttribute() public {
        bytes4 selector = bytes4(keccak256("timeout(uint256)"));
        bytes[] memory attributes = new bytes[](2);
        attributes[0] = _relay(0, 100_000, alice);
        attributes[1] = abi.encodeWithSelector(selector, 5);
        bytes memory expected =
            abi.encodeWithSelector(IERC7786GatewaySource.UnsupportedAttribute.selector, selector);
        vm.expectRevert(expected);
        gatewayHere.sendMessage(_there(bob), "", attributes);
        attributes[0] = "abc";
        vm.expectRevert(
            abi.encodeWithSelector(IERC7786GatewaySource.UnsupportedAttribute.selector, bytes4(0))
        );
        gatewayHere.sendMessage(_there(bob), "", attributes);
    }

    function test_sendMessage_revertsWithInvalidAttribute() public {
        bytes[] memory attributes = new bytes[](2);
        attributes[0] = _relay(0, 100_000, alice);
        attributes[1] = attributes[0];
        _expectInvalid(attributes, attributes[1]);
        attributes = new bytes[](1);
        attributes[0] = bytes.concat(_relay(0, 100_000, alice), hex"00");
        _expectInvalid(attributes, attributes[0]);
    }

    function test_sendMessage_revertsWithNativeValueNotSupported() public {
        vm.expectRevert(abi.encodeWithSelector(IERC7786Gateway.NativeValueNotSupported.selector, 1));
        gatewayHere.sendMessage(_there(bob), "", _list(_relay(1, 100_000, alice)));
    }

    function test_sendMessage_paysForTheRelayAndRefundsTheRest() public {
        _setPrice(3);
        bytes[] memory relay = _list(_relay(0, 80_000, bob));
        assertEq(gatewayHere.quoteMessage(_there(bob), "x", relay), 240_000);
        bytes32 id = keccak256(_messageThere(0, _body(0, 80_000, alice, bob, "x")));
        vm.expectEmit(address(here.igp));
        emit IInterchainGasPaymaster.GasPayment(id, THERE, 80_000, 240_000);
        vm.prank(alice);
        assertEq(gatewayHere.sendMessage{value: 240_005}(_there(bob), "x", relay), 0);
        assertEq(bob.balance, 5);

        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(
                IInterchainGasPaymaster.InsufficientFee.selector, 240_000, 239_999
            )
        );
        gatewayHere.sendMessage{value: 239_999}(_there(bob), "x", relay);
    }

    function test_sendMessage_unpaidWaitsForAPaymentOfItsId() public {
        _setPrice(3);
        bytes32 id = keccak256(_messageThere(0, _body(0, 0, alice, bob, "x")));
        vm.expectEmit(address(here.igp));
        emit IInterchainGasPaymaster.GasPayment(id, THERE, 0, 0);
        vm.expectEmit(address(gatewayHere));
        emit IERC7786GatewaySource.MessageSent(id, _here(alice), _there(bob), "x", 0, none);
        assertEq(_send7786(bob, "x", none), id);

        here.igp.payForGas{value: 300_000}(id, THERE, 100_000, alice);
    }

    function test_sendMessage_paidWithoutAttributesHasTheDefaultGas() public {
        _setPrice(3);
        assertEq(gatewayHere.quoteMessage(_there(bob), "x", none), 600_000);
        bytes32 id = keccak256(_messageThere(0, _body(0, 0, alice, bob, "x")));
        vm.expectEmit(address(here.igp));
        emit IInterchainGasPaymaster.GasPayment(id, THERE, 200_000, 600_000);
        vm.prank(alice);
        assertEq(gatewayHere.sendMessage{value: 600_000}(_there(bob), "x", none), 0);
    }

    // ---- receiving

    function test_handle_deliversWithTheMessagesId() public {
        bytes memory message = _messageThere(0, _body(0, 0, alice, address(keeper), "hello"));
        _send7786(address(keeper), "hello", none);
        assertEq(here.mailbox.latestDispatchedId(), keccak256(message));
        _bringThere(message);
        assertEq(keeper.receiveId(), keccak256(message), "the mailbox's id");
        assertEq(keeper.sender(), _here(alice));
        assertEq(keeper.payload(), "hello");
        assertEq(keeper.count(), 1);
    }

    function testFuzz_handle_deliversWhatWasSent(
        address from,
        bytes calldata payload,
        uint64 chainId
    ) public {
        vm.assume(chainId != 0 && chainId != CHAIN_THERE && from != address(0));
        _know(gatewayThere, CHAIN_THERE, chainId, HERE, address(gatewayHere));
        vm.chainId(chainId);
        vm.prank(from);
        gatewayHere.sendMessage(_there(address(keeper)), payload, none);
        _bringThere(_messageThere(0, _body(0, 0, from, address(keeper), payload)));
        assertEq(keeper.sender(), InteroperableAddress.formatEvmV1(chainId, from));
        assertEq(keeper.payload(), payload);
    }

    function test_handle_revertsWithNotMailbox() public {
        vm.expectRevert(abi.encodeWithSelector(IERC7786Gateway.NotMailbox.selector, alice));
        vm.prank(alice);
        gatewayThere.handle(HERE, Message.toBytes32(address(gatewayHere)), "");
    }

    function test_handle_revertsWithUnknownGateway() public {
        bytes32 sender = Message.toBytes32(alice);
        bytes memory body = _body(0, 0, alice, address(keeper), "forged");
        bytes memory message = _message(0, alice, address(gatewayThere), body);
        vm.expectRevert(
            abi.encodeWithSelector(IERC7786Gateway.UnknownGateway.selector, HERE, sender)
        );
        there.mailbox.process("", message);
        assertEq(keeper.count(), 0);
    }

    /// @dev A known gateway's address on a chain that is not its own.
    function testFuzz_handle_revertsWithUnknownDomain(uint32 domain) public {
        vm.assume(domain != HERE);
        bytes32 sender = Message.toBytes32(address(gatewayHere));
        vm.expectRevert(abi.encodeWithSelector(IERC7786Gateway.UnknownDomain.selector, domain));
        vm.prank(address(there.mailbox));
        gatewayThere.handle(domain, sender, _body(0, 0, alice, address(keeper), "x"));
    }

    function test_handle_revertsWithUnsupportedBodyVersion() public {
        bytes memory body = abi.encode(uint8(2), 0, 0, alice, address(keeper), bytes("x"));
        vm.expectRevert(abi.encodeWithSelector(IERC7786Gateway.UnsupportedBodyVersion.selector, 2));
        there.mailbox.process("", _messageThere(0, body));
    }

    function test_handle_replaysAreRefusedByTheMailbox() public {
        bytes memory message = _messageThere(0, _body(0, 0, alice, address(keeper), "once"));
        _bringThere(message);
        vm.expectRevert(
            abi.encodeWithSelector(IMailbox.AlreadyDelivered.selector, keccak256(message))
        );
        there.mailbox.process("", message);
        assertEq(keeper.count(), 1);
    }

    function test_handle_failingRecipientsSayWhyAndCanBeTriedAgain() public {
        address refusing = address(new RefusingRecipient7786());
        bytes memory message = _messageThere(0, _body(0, 0, alice, refusing, ""));
        vm.expectRevert(abi.encodeWithSelector(RefusingRecipient7786.NotToday.selector, 7));
        there.mailbox.process("", message);
        assertFalse(there.mailbox.delivered(keccak256(message)));
        vm.etch(refusing, address(new WrongAnswerRecipient("")).code);
        vm.expectRevert(
            abi.encodeWithSelector(IERC7786Gateway.MessageNotAccepted.selector, refusing)
        );
        there.mailbox.process("", message);
        vm.etch(refusing, "");
        vm.expectRevert(abi.encodeWithSelector(Address.AddressEmptyCode.selector, refusing));
        there.mailbox.process("", message);
    }

    function testFuzz_handle_revertsWithMessageNotAccepted(bytes calldata answer) public {
        vm.assume(bytes4(answer) != IERC7786Recipient.receiveMessage.selector);
        address strange = address(new WrongAnswerRecipient(answer));
        bytes memory message = _messageThere(0, _body(0, 0, alice, strange, ""));
        vm.expectRevert(
            abi.encodeWithSelector(IERC7786Gateway.MessageNotAccepted.selector, strange)
        );
        there.mailbox.process("", message);
    }

    function test_handle_recipientRefusesAnotherGateway() public {
        KeepingRecipient other = new KeepingRecipient(address(gatewayHere));
        bytes memory message = _messageThere(0, _body(0, 0, alice, address(other), ""));
        vm.expectRevert(
            abi.encodeWithSelector(
                ERC7786Recipient.ERC7786RecipientUnauthorizedGateway.selector,
                address(gatewayThere),
                _here(alice)
            )
        );
        there.mailbox.process("", message);
    }

    function testFuzz_handle_givesThePromisedGasOrNone(uint256 given) public {
        given = bound(given, 200_000, 1_500_000);
        bytes memory message = _messageThere(0, _body(0, 500_000, alice, address(keeper), "x"));
        try there.mailbox.process{gas: given}("", message) {
            assertGt(keeper.gasGiven(), 495_000);
        } catch {
            assertEq(keeper.count(), 0);
        }
    }

    // ---- chains

    function test_setChains_onlyOwner() public {
        vm.expectRevert(
            abi.encodeWithSelector(
                OwnableUpgradeable.OwnableUnauthorizedAccount.selector, address(this)
            )
        );
        gatewayHere.setChains(_one(5, 5, address(0)));
    }

    function test_setChains_withoutGatewayHasThisOnesAddress() public {
        vm.expectEmit(address(gatewayHere));
        emit IERC7786Gateway.ChainSet(5, 50, address(gatewayHere));
        _know(gatewayHere, CHAIN_HERE, 5, 50, address(0));
        (uint32 domain, address gateway) = gatewayHere.chainOf(5);
        assertEq(domain, 50);
        assertEq(gateway, address(gatewayHere));
        assertEq(gatewayHere.chainIdOf(50), 5);
    }

    function test_setChains_movesAndForgets() public {
        _know(gatewayHere, CHAIN_HERE, CHAIN_THERE, 50, address(0)); // another domain
        assertEq(gatewayHere.chainIdOf(THERE), 0);
        _know(gatewayHere, CHAIN_HERE, 6, 50, address(0)); // another chain
        (uint32 domain,) = gatewayHere.chainOf(CHAIN_THERE);
        assertEq(domain, 0);
        assertEq(gatewayHere.chainIdOf(50), 6);
        _know(gatewayHere, CHAIN_HERE, 6, 0, address(0));
        assertEq(gatewayHere.chainIdOf(50), 0);
        vm.expectRevert(abi.encodeWithSelector(IERC7786Gateway.UnknownChain.selector, 6));
        gatewayHere.sendMessage(InteroperableAddress.formatEvmV1(6, bob), "", none);
    }

    function test_setChains_revertsWithInvalidChain() public {
        uint256[2] memory wrong = [uint256(0), CHAIN_HERE];
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(governor);
            vm.expectRevert(abi.encodeWithSelector(IERC7786Gateway.InvalidChain.selector, wrong[i]));
            gatewayHere.setChains(_one(wrong[i], 5, address(0)));
        }
    }

    /// @dev Whatever is set in whatever order, chains and domains are pairs.
    function testFuzz_setChains_keepsPairs(uint8[16] calldata ids, uint8[16] calldata domains)
        public
    {
        for (uint256 i = 0; i < 16; ++i) {
            _know(gatewayHere, CHAIN_HERE, uint256(ids[i] % 5) + 1, domains[i] % 5, address(0));
        }
        for (uint32 i = 1; i < 5; ++i) {
            uint256 chainId = gatewayHere.chainIdOf(i);
            (uint32 domain,) = gatewayHere.chainOf(chainId);
            if (chainId != 0) assertEq(domain, i, "the domain's chain has it");
        }
        for (uint256 i = 1; i < 6; ++i) {
            (uint32 domain,) = gatewayHere.chainOf(i);
            if (domain != 0) {
                assertEq(gatewayHere.chainIdOf(domain), i, "the chain's domain has it");
            }
        }
    }

    function _send7786(address recipient, bytes memory payload, bytes[] memory attributes)
        private
        returns (bytes32)
    {
        vm.prank(alice);
        return gatewayHere.sendMessage(_there(recipient), payload, attributes);
    }

    function _expectInvalid(bytes[] memory attributes, bytes memory which) private {
        vm.expectRevert(abi.encodeWithSelector(IERC7786Gateway.InvalidAttribute.selector, which));
        gatewayHere.sendMessage(_there(bob), "", attributes);
    }

    function _relay(uint256 value, uint256 gasLimit, address refundRecipient)
        private
        pure
        returns (bytes memory)
    {
        return abi.encodeCall(IERC7786Attributes.requestRelay, (value, gasLimit, refundRecipient));
    }

    function _list(bytes memory attribute) private pure returns (bytes[] memory attributes) {
        attributes = new bytes[](1);
        attributes[0] = attribute;
    }

    function _setPrice(uint128 price) private {
        vm.prank(governor);
        here.igp.setDefaultGasPrice(IInterchainGasPaymaster.GasPrice(1e10, price));
    }
}
