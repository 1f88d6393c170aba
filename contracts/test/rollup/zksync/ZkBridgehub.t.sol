// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {Callers} from "../../../src/rollup/libs/Callers.sol";
import {FinalState} from "../../../src/rollup/libs/FinalState.sol";
import {L1Messenger} from "../../../src/rollup/zksync/L1Messenger.sol";
import {ZkBridgehub} from "../../../src/rollup/zksync/ZkBridgehub.sol";
import {
    IZkBridgehub,
    L2Message,
    L2TransactionRequestDirect
} from "../../../src/rollup/zksync/interfaces/IZkBridgehub.sol";
import {IL2OutputOracle} from "../../../src/settlement/interfaces/IL2OutputOracle.sol";
import {Tries} from "../../utils/Tries.sol";
import {BridgeFixture} from "../BridgeFixture.sol";

/// @dev Stands on the rollup; remembers its caller.
contract Asked {
    address public caller;
    uint256 public value;

    function take() external payable {
        (caller, value) = (msg.sender, msg.value);
    }
}

contract ZkBridgehubTest is BridgeFixture {
    address internal constant MESSENGER = address(0x8008);
    L1Messenger internal messenger = L1Messenger(payable(MESSENGER));
    ZkBridgehub internal hub;
    Asked internal asked = new Asked();
    address internal alice = makeAddr("alice");
    address internal bob = makeAddr("bob");
    bytes32[] private _leaves;

    function setUp() public override {
        super.setUp();
        bytes memory call = abi.encodeCall(ZkBridgehub.initialize, (governor, address(portal)));
        hub = ZkBridgehub(address(new ERC1967Proxy(address(new ZkBridgehub()), call)));
        vm.prank(governor);
        portal.setRelay(address(hub));
        vm.etch(MESSENGER, address(new L1Messenger()).code);
        vm.deal(alice, 100 ether);
        vm.recordLogs();
    }

    function testFuzz_aRequest_comesFromTheCaller_andTheRestIsRefunded(uint96 value, uint96 more)
        public
    {
        value = uint96(bound(value, 0, 50 ether));
        more = uint96(bound(more, 0, 50 ether));
        L2TransactionRequestDirect memory request = _request(value, uint256(value) + more);
        vm.prank(alice, alice);
        hub.requestL2TransactionDirect{value: request.mintValue}(request);
        deliver(vm.getRecordedLogs());
        assertEq(asked.caller(), alice);
        assertEq(asked.value(), value);
        assertEq(bob.balance, more);
        assertEq(address(portal).balance, request.mintValue);
    }

    function test_aRequestOfAContract_comesFromItsAlias() public {
        L2TransactionRequestDirect memory request = _request(0, 0);
        bytes32 first = hub.requestL2TransactionDirect(request);
        deliver(vm.getRecordedLogs());
        assertEq(asked.caller(), Callers.aliased(address(this)));
        assertNotEq(first, hub.requestL2TransactionDirect(request));
        // no refund's address: the caller's
        request = _request(0, 5);
        request.refundRecipient = address(0);
        hub.requestL2TransactionDirect{value: 5}(request);
        deliver(vm.getRecordedLogs());
        assertEq(Callers.aliased(address(this)).balance, 5);
        request.refundRecipient = address(asked);
        hub.requestL2TransactionDirect{value: 5}(request);
        deliver(vm.getRecordedLogs());
        assertEq(Callers.aliased(address(asked)).balance, 5);
    }

    function test_requests_refused() public {
        L2TransactionRequestDirect memory request = _request(3, 2);
        vm.expectRevert(abi.encodeWithSelector(IZkBridgehub.MsgValueMismatch.selector, 2, 1));
        hub.requestL2TransactionDirect{value: 1}(request);
        vm.expectRevert(abi.encodeWithSelector(IZkBridgehub.MsgValueTooLow.selector, 3, 2));
        hub.requestL2TransactionDirect{value: 2}(request);
        request = _request(0, 0);
        request.factoryDeps = new bytes[](1);
        vm.expectRevert(IZkBridgehub.NoFactoryDeps.selector);
        hub.requestL2TransactionDirect(request);
        request = _request(0, 0);
        request.l2GasLimit = uint256(1) << 64;
        vm.expectRevert(IZkBridgehub.GasLimitTooLarge.selector);
        hub.requestL2TransactionDirect(request);
        request.chainId = 7;
        vm.expectRevert(IZkBridgehub.InvalidChainId.selector);
        hub.requestL2TransactionDirect(request);
        vm.expectRevert(IZkBridgehub.InvalidChainId.selector);
        hub.getZKChain(7);
        assertEq(hub.getZKChain(901), address(hub));
        assertEq(hub.baseToken(901), address(1));
        assertEq(hub.l2TransactionBaseCost(901, 1 gwei, 1_000_000, 800), 0);
    }

    function testFuzz_messages_areShown(uint8 count, uint8 which, bytes calldata data) public {
        count = uint8(bound(count, 1, 9));
        which = uint8(bound(which, 0, count - 1));
        for (uint8 i = 0; i < count; ++i) {
            _send(i == which ? alice : bob, i == which ? data : bytes("other"));
        }
        assertEq(messenger.messageCount(), count);
        uint256 batch = _settle();
        L2Message memory message = L2Message(0, alice, data);
        bytes32[] memory path = _path(which);
        assertTrue(hub.proveL2MessageInclusion(901, batch, which, message, path));
        assertTrue(hub.proveL2MessageInclusion(batch, which, message, path));
        // another sender, message, place, length
        message.sender = address(this);
        assertFalse(hub.proveL2MessageInclusion(batch, which, message, path));
        message = L2Message(0, alice, bytes.concat(data, hex"00"));
        assertFalse(hub.proveL2MessageInclusion(batch, which, message, path));
        message = L2Message(1, alice, data);
        assertFalse(hub.proveL2MessageInclusion(batch, which, message, path));
        message = L2Message(0, alice, data);
        assertFalse(hub.proveL2MessageInclusion(batch, uint256(which) + (1 << 32), message, path));
        bytes32[] memory short = new bytes32[](31);
        assertFalse(hub.proveL2MessageInclusion(batch, which, message, short));
        vm.expectRevert(abi.encodeWithSelector(IZkBridgehub.BatchUnknown.selector, batch + 1));
        hub.proveL2MessageInclusion(batch + 1, which, message, path);
    }

    function test_proveMessageRoot_refuses() public {
        _send(alice, "hello");
        (uint256 index, bytes[] memory account, bytes[] memory slots) =
            _post(33, messenger.messageRoot());
        vm.expectRevert(abi.encodeWithSelector(FinalState.OutputNotFinal.selector, index));
        hub.proveMessageRoot(index, account, slots);
        outputs.setFinal(1);
        hub.proveMessageRoot(index, account, slots);
        assertEq(hub.lastMessageRoot(), messenger.messageRoot());
        assertEq(hub.lastBatchNumber(), index);
        vm.expectRevert(abi.encodeWithSelector(IZkBridgehub.OutputNotNewer.selector, 1, 1));
        hub.proveMessageRoot(index, account, slots);
        (index, account, slots) = _post(7, bytes32(uint256(1)));
        outputs.setFinal(2);
        vm.expectRevert(abi.encodeWithSelector(IZkBridgehub.NoMessages.selector, index));
        hub.proveMessageRoot(index, account, slots);
    }

    function _request(uint256 value, uint256 mint)
        private
        view
        returns (L2TransactionRequestDirect memory)
    {
        return L2TransactionRequestDirect(
            901,
            mint,
            address(asked),
            value,
            abi.encodeCall(Asked.take, ()),
            200_000,
            800,
            new bytes[](0),
            bob
        );
    }

    function _send(address from, bytes memory data) private {
        vm.prank(from);
        bytes32 hash = messenger.sendToL1(data);
        _leaves.push(
            keccak256(abi.encodePacked(hex"00010000", MESSENGER, uint256(uint160(from)), hash))
        );
    }

    function _settle() private returns (uint256 index) {
        bytes[] memory account;
        bytes[] memory slots;
        (index, account, slots) = _post(33, messenger.messageRoot());
        outputs.setFinal(index + 1);
        hub.proveMessageRoot(index, account, slots);
    }

    function _post(uint256 slot, bytes32 word)
        private
        returns (uint256 index, bytes[] memory account, bytes[] memory slots)
    {
        IL2OutputOracle.Output memory output;
        (output.stateRoot, account, slots) = Tries.state(MESSENGER, bytes32(slot), word);
        index = outputs.post(output.stateRoot);
        output.l2BlockNumber = uint64(index + 1);
        vm.mockCall(
            address(outputs), abi.encodeCall(IL2OutputOracle.output, (index)), abi.encode(output)
        );
    }

    function _path(uint256 index) private view returns (bytes32[] memory path) {
        path = new bytes32[](32);
        bytes32[] memory level = _leaves;
        bytes32 empty;
        for (uint256 height = 0; height < 32; ++height) {
            uint256 sibling = index ^ 1;
            path[height] = sibling < level.length ? level[sibling] : empty;
            bytes32[] memory above = new bytes32[]((level.length + 1) / 2);
            for (uint256 i = 0; i < above.length; ++i) {
                bytes32 right = 2 * i + 1 < level.length ? level[2 * i + 1] : empty;
                above[i] = keccak256(abi.encode(level[2 * i], right));
            }
            (level, index) = (above, index / 2);
            empty = keccak256(abi.encode(empty, empty));
        }
    }
}
