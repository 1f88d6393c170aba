// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {FreeToken} from "../../../src/examples/FreeToken.sol";
import {PolygonZkEVMBridge} from "../../../src/rollup/cdk/PolygonZkEVMBridge.sol";
import {TokenWrapped} from "../../../src/rollup/cdk/TokenWrapped.sol";
import {
    IBridgeMessageReceiver
} from "../../../src/rollup/cdk/interfaces/IBridgeMessageReceiver.sol";
import {IExitRoots} from "../../../src/rollup/cdk/interfaces/IExitRoots.sol";
import {
    IGlobalExitRootManager
} from "../../../src/rollup/cdk/interfaces/IGlobalExitRootManager.sol";
import {IPolygonZkEVMBridge} from "../../../src/rollup/cdk/interfaces/IPolygonZkEVMBridge.sol";
import {FinalState} from "../../../src/rollup/libs/FinalState.sol";
import {Tries} from "../../utils/Tries.sol";
import {CdkFixture} from "./CdkFixture.sol";

contract Receiver is IBridgeMessageReceiver {
    address public origin;
    uint32 public network;
    bytes public data;

    function onMessageReceived(address origin_, uint32 network_, bytes memory data_)
        external
        payable
        override
    {
        require(data_.length != 1, "refused");
        (origin, network, data) = (origin_, network_, data_);
    }
}

/// @dev Keeps a tenth of what is moved.
contract FeeToken is ERC20 {
    constructor() ERC20("Fee", "FEE") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (from != address(0) && to != address(0)) super._update(to, address(1), value / 10);
    }
}

/// @dev Claims while it is being taken.
contract ReentrantToken is FreeToken {
    bytes public reason;
    address private _bridge;
    bytes private _call;

    constructor() FreeToken("Re", "RE", 18) {}

    function arm(address bridge, bytes memory call) external {
        (_bridge, _call) = (bridge, call);
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (_bridge != address(0) && to == _bridge) (, reason) = _bridge.call(_call);
    }
}

contract PolygonZkEVMBridgeTest is CdkFixture {
    address internal alice = makeAddr("alice");
    address internal bob = makeAddr("bob");
    FreeToken internal token = new FreeToken("Money", "MON", 6);

    function setUp() public override {
        super.setUp();
        vm.deal(alice, 1000 ether);
        token.mint(alice, 1000e6);
        vm.prank(alice);
        token.approve(address(l1), type(uint256).max);
        vm.recordLogs();
    }

    function testFuzz_coins_goThereAndHome(uint96 there, uint96 home) public {
        there = uint96(bound(there, 0, 1000 ether));
        home = uint96(bound(home, 0, there));
        Exit memory exit = _bridge(l1, alice, bob, there, address(0));
        assertEq(address(l1).balance, there);
        assertEq(l1.escrowed(address(0)), there);
        claim(l1, exit);
        assertEq(bob.balance, there);
        assertEq(l2.escrowed(address(0)), there);
        assertEq(address(l2).balance, PREFUNDED - there);
        assertTrue(l2.isClaimed(0, 0));

        exit = _bridge(l2, bob, alice, home, address(0));
        settle();
        uint256 before = alice.balance;
        claim(l2, exit);
        assertEq(alice.balance, before + home);
        assertEq(l1.escrowed(address(0)), there - home);
        assertEq(l2.escrowed(address(0)), there - home);
        assertTrue(l1.isClaimed(0, 1));
        assertFalse(l1.isClaimed(0, 0));
    }

    function test_coins_thatTheBridgeDidNotBring_stay() public {
        vm.deal(bob, 5 ether);
        claim(l1, _bridge(l1, alice, bob, 1 ether, address(0)));
        vm.expectRevert(
            abi.encodeWithSelector(
                IPolygonZkEVMBridge.EscrowTooSmall.selector, address(0), 1 ether + 1, 1 ether
            )
        );
        vm.prank(bob);
        l2.bridgeAsset{value: 1 ether + 1}(0, bob, 1 ether + 1, address(0), true, "");
    }

    function test_tokens_ofTheL1_areWrapped() public {
        Exit memory exit = _bridge(l1, alice, bob, 300e6, address(token));
        address wrapped = l2.calculateTokenWrapperAddress(0, address(token), address(token));
        assertEq(wrapped, l2.precalculatedWrapperAddress(0, address(token), "Money", "MON", 6));
        assertEq(l2.getTokenWrappedAddress(0, address(token)), address(0));
        vm.expectEmit(address(l2));
        emit IPolygonZkEVMBridge.ClaimEvent(MAINNET, 0, address(token), bob, 300e6);
        vm.expectEmit(address(l2));
        emit IPolygonZkEVMBridge.NewWrappedToken(
            0, address(token), wrapped, l1.getTokenMetadata(address(token))
        );
        claim(l1, exit);
        assertEq(l2.getTokenWrappedAddress(0, address(token)), wrapped);
        assertEq(TokenWrapped(wrapped).decimals(), 6);
        assertEq(TokenWrapped(wrapped).symbol(), "MON");
        assertEq(TokenWrapped(wrapped).balanceOf(bob), 300e6);
        assertEq(TokenWrapped(wrapped).bridgeAddress(), address(l2));
        (uint32 network, address origin) = l2.wrappedTokenToTokenInfo(wrapped);
        assertEq(network, 0);
        assertEq(origin, address(token));

        exit = _bridge(l2, bob, bob, 100e6, wrapped);
        settle();
        claim(l2, exit);
        assertEq(token.balanceOf(bob), 100e6);
        assertEq(TokenWrapped(wrapped).totalSupply(), 200e6);
        assertEq(l1.escrowed(address(token)), 200e6);
        assertEq(token.balanceOf(address(l1)), 200e6);
        // a second time it is there already
        claim(l1, _bridge(l1, alice, bob, 1, address(token)));
        assertEq(TokenWrapped(wrapped).balanceOf(bob), 200e6 + 1);
    }

    function test_tokens_ofTheRollup_areWrappedOnTheL1() public {
        token.mint(bob, 10e6);
        vm.prank(bob);
        token.approve(address(l2), 10e6);
        Exit memory exit = _bridge(l2, bob, alice, 10e6, address(token));
        settle();
        claim(l2, exit);
        TokenWrapped wrapped = TokenWrapped(l1.getTokenWrappedAddress(1, address(token)));
        assertEq(wrapped.balanceOf(alice), 10e6);
        claim(l1, _bridge(l1, alice, alice, 4e6, address(wrapped)));
        assertEq(token.balanceOf(address(l2)), 6e6);
        assertEq(l2.escrowed(address(token)), 6e6);
    }

    function test_tokens_withAFee_countWhatArrived() public {
        FeeToken fee = new FeeToken();
        fee.mint(alice, 100);
        vm.prank(alice);
        fee.approve(address(l1), 100);
        Exit memory exit = _bridge(l1, alice, bob, 100, address(fee));
        assertEq(exit.leaf.amount, 90);
        assertEq(l1.escrowed(address(fee)), 90);
    }

    function test_messages_tellTheSender() public {
        Receiver receiver = new Receiver();
        vm.prank(alice);
        l1.bridgeMessage{value: 3}(1, address(receiver), true, "hello");
        claim(l1, departed());
        assertEq(receiver.origin(), alice);
        assertEq(receiver.network(), 0);
        assertEq(receiver.data(), "hello");
        assertEq(address(receiver).balance, 3);

        vm.deal(bob, 1);
        vm.prank(bob);
        l2.bridgeMessage{value: 1}(0, address(receiver), true, "home");
        Exit memory exit = departed();
        settle();
        claim(l2, exit);
        assertEq(receiver.origin(), bob);
        assertEq(receiver.network(), 1);
        assertEq(address(l1).balance, 2);
    }

    function test_messages_thatFail_canBeClaimedAgain() public {
        Receiver receiver = new Receiver();
        vm.prank(alice);
        l1.bridgeMessage{value: 3}(1, address(receiver), true, "x");
        Exit memory exit = departed();
        Proof memory proof = proofOfExit(l1, 0);
        vm.expectRevert(IPolygonZkEVMBridge.MessageFailed.selector);
        this.claimAt(l2, exit.leaf, proof);
        assertFalse(l2.isClaimed(0, 0));
        assertEq(l2.escrowed(address(0)), 0);
    }

    function test_claim_onceOnly_andOfTheRightChain() public {
        Exit memory exit = _bridge(l1, alice, bob, 1, address(0));
        Proof memory proof = proofOfExit(l1, 0);
        vm.expectRevert(IPolygonZkEVMBridge.DestinationNetworkInvalid.selector);
        this.claimAt(l1, exit.leaf, proof);
        claim(l2, exit.leaf, proof);
        vm.expectRevert(IPolygonZkEVMBridge.AlreadyClaimed.selector);
        this.claimAt(l2, exit.leaf, proof);
        // bits of the index that mean nothing do not make it another leaf
        proof.globalIndex |= 1 << 200;
        vm.expectRevert(IPolygonZkEVMBridge.AlreadyClaimed.selector);
        this.claimAt(l2, exit.leaf, proof);
    }

    function testFuzz_claim_refusesWhatDidNotLeave(uint8 part, uint256 by) public {
        _bridge(l1, alice, bob, 5, address(0));
        Exit memory exit = _bridge(l1, alice, bob, 7, address(0));
        Proof memory proof = proofOfExit(l1, 1);
        by = bound(by, 1, type(uint32).max);
        bytes4 reason = IPolygonZkEVMBridge.InvalidSmtProof.selector;
        part = part % 7;
        if (part == 0) exit.leaf.amount += by;
        if (part == 1) exit.leaf.destinationAddress = address(uint160(by));
        if (part == 2) exit.leaf.originAddress = address(uint160(by));
        if (part == 3) exit.leaf.metadata = abi.encode(by);
        if (part == 4) proof.local[by % 32] ^= bytes32(by);
        if (part == 5) proof.globalIndex ^= uint32(by);
        if (part == 6) {
            proof.mainnetRoot ^= bytes32(by);
            reason = IPolygonZkEVMBridge.GlobalExitRootInvalid.selector;
        }
        vm.expectRevert(reason);
        this.claimAt(l2, exit.leaf, proof);
    }

    function test_claim_needsTheRootToHaveTravelled() public {
        vm.prank(alice);
        l1.bridgeAsset{value: 1}(1, bob, 1, address(0), false, "");
        Exit memory exit = departed();
        assertEq(l1.lastUpdatedDepositCount(), 0);
        Proof memory proof = proofOfExit(l1, 0);
        proof.mainnetRoot = l1.getRoot();
        vm.expectRevert(IPolygonZkEVMBridge.GlobalExitRootInvalid.selector);
        this.claimAt(l2, exit.leaf, proof);
        l1.updateGlobalExitRoot();
        departed();
        claim(l1, exit);
        assertEq(bob.balance, 1);
        assertEq(l1.lastUpdatedDepositCount(), 1);
    }

    function test_bridge_refuses() public {
        vm.startPrank(alice);
        vm.expectRevert(IPolygonZkEVMBridge.DestinationNetworkInvalid.selector);
        l1.bridgeAsset{value: 1}(0, bob, 1, address(0), true, "");
        vm.expectRevert(IPolygonZkEVMBridge.DestinationNetworkInvalid.selector);
        l1.bridgeMessage(2, bob, true, "");
        vm.expectRevert(IPolygonZkEVMBridge.NativeTokenIsEther.selector);
        l1.bridgeMessageWETH(1, bob, 1, true, "");
        assertFalse(l1.isEmergencyState());
        vm.expectRevert(IPolygonZkEVMBridge.AmountDoesNotMatchMsgValue.selector);
        l1.bridgeAsset{value: 1}(1, bob, 2, address(0), true, "");
        vm.expectRevert(IPolygonZkEVMBridge.MsgValueNotZero.selector);
        l1.bridgeAsset{value: 1}(1, bob, 1, address(token), true, "");
        vm.expectRevert(IPolygonZkEVMBridge.NotValidSignature.selector);
        l1.bridgeAsset(1, bob, 1, address(token), true, hex"01");
        vm.expectRevert(IPolygonZkEVMBridge.NotValidOwner.selector);
        l1.bridgeAsset(1, bob, 1, address(token), true, _permit(bob, address(l1), 1));
        vm.expectRevert(IPolygonZkEVMBridge.NotValidSpender.selector);
        l1.bridgeAsset(1, bob, 1, address(token), true, _permit(alice, bob, 1));
        vm.expectRevert(IPolygonZkEVMBridge.NotValidAmount.selector);
        l1.bridgeAsset(1, bob, 1, address(token), true, _permit(alice, address(l1), 2));
    }

    function test_bridgeAsset_takesAPermit() public {
        (address owner, uint256 key) = makeAddrAndKey("owner");
        token.mint(address(this), 5e6);
        token.approve(address(l1), 5e6);
        l1.bridgeAsset(1, owner, 5e6, address(token), true, "");
        claim(l1, departed());
        TokenWrapped wrapped = TokenWrapped(l2.getTokenWrappedAddress(0, address(token)));
        bytes32 digest = keccak256(
            abi.encodePacked(
                hex"1901",
                wrapped.DOMAIN_SEPARATOR(),
                keccak256(
                    abi.encode(
                        keccak256(
                            "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
                        ),
                        owner,
                        address(l1),
                        uint256(3e6),
                        uint256(0),
                        block.timestamp
                    )
                )
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        bytes memory permit =
            abi.encodeCall(wrapped.permit, (owner, address(l1), 3e6, block.timestamp, v, r, s));
        // both ends live in one chain here: to the L1's end it is a token like any other
        vm.prank(owner);
        l1.bridgeAsset(1, owner, 3e6, address(wrapped), true, permit);
        assertEq(l1.escrowed(address(wrapped)), 3e6);
    }

    function test_claim_isRefusedWhileATokenIsTaken() public {
        ReentrantToken re = new ReentrantToken();
        re.mint(alice, 10);
        re.arm(address(l1), abi.encodeCall(l1.bridgeAsset, (1, bob, 0, address(0), false, "")));
        vm.startPrank(alice);
        re.approve(address(l1), 10);
        l1.bridgeAsset(1, bob, 5, address(re), true, "");
        assertEq(bytes4(re.reason()), bytes4(keccak256("ReentrancyGuardReentrantCall()")));
        bytes32[32] memory none;
        re.arm(
            address(l1),
            abi.encodeCall(
                l1.claimAsset, (none, none, 0, 0, 0, 0, address(re), 0, bob, 5, bytes(""))
            )
        );
        l1.bridgeAsset(1, bob, 5, address(re), true, "");
        assertEq(bytes4(re.reason()), bytes4(keccak256("ReentrancyGuardReentrantCall()")));
    }

    function test_exitRoots() public {
        vm.expectRevert(IExitRoots.OnlyAllowedContracts.selector);
        manager.updateExitRoot(bytes32(uint256(1)));
        vm.expectRevert(IExitRoots.OnlyAllowedContracts.selector);
        l2Manager.updateExitRoot(bytes32(uint256(1)));
        // by its own address, and not by the alias
        vm.prank(address(manager));
        vm.expectRevert(IExitRoots.OnlyAllowedContracts.selector);
        l2Manager.insertGlobalExitRoot(bytes32(uint256(1)));

        bytes32 root = _rootWith(alice, 1);
        vm.expectEmit(address(manager));
        emit IGlobalExitRootManager.UpdateL1InfoTree(root, 0);
        _bridge(l1, alice, bob, 1, address(0));
        assertEq(manager.lastMainnetExitRoot(), l1.getRoot());
        assertGt(l2Manager.globalExitRootMap(manager.getLastGlobalExitRoot()), 0);
        assertEq(manager.depositCount(), 1);
        bytes32 leaf = manager.getLeafValue(
            manager.getLastGlobalExitRoot(), uint256(blockhash(99)), uint64(block.timestamp)
        );
        bytes32[32] memory path = pathOf(new bytes32[](0), 0);
        assertEq(manager.getRoot(), l1.calculateRoot(leaf, path, 0));
        assertTrue(l1.verifyMerkleProof(leaf, path, 0, manager.getRoot()));
    }

    function test_proveRollupExitRoot_refuses() public {
        claim(l1, _bridge(l1, alice, bob, 2, address(0)));
        _bridge(l2, bob, bob, 1, address(0));
        bytes32 root = l2Manager.lastRollupExitRoot();
        assertEq(root, l2.getRoot());
        (bytes32 stateRoot, bytes[] memory account, bytes[] memory slots) =
            Tries.state(L2_MANAGER, bytes32(uint256(1)), root);
        uint256 index = postState(stateRoot);
        vm.expectRevert(abi.encodeWithSelector(FinalState.OutputNotFinal.selector, index));
        manager.proveRollupExitRoot(index, account, slots);
        outputs.setFinal(1);
        bytes[] memory none = new bytes[](0);
        bytes memory invalid = abi.encodeWithSelector(
            FinalState.InvalidStateProof.selector, L2_MANAGER, bytes32(uint256(1))
        );
        vm.expectRevert(invalid);
        manager.proveRollupExitRoot(index, none, slots);
        vm.expectRevert(invalid);
        manager.proveRollupExitRoot(index, account, none);
        vm.expectRevert(invalid);
        manager.proveRollupExitRoot(index, slots, slots);
        manager.proveRollupExitRoot(index, account, slots);
        assertEq(manager.lastRollupBlock(), 1);
        vm.expectRevert(
            abi.encodeWithSelector(IGlobalExitRootManager.OutputNotNewer.selector, 1, 1)
        );
        manager.proveRollupExitRoot(index, account, slots);
        // another slot is not it: that the key has none is what such a trie shows
        (stateRoot, account, slots) = Tries.state(L2_MANAGER, bytes32(uint256(7)), root);
        index = postState(stateRoot);
        outputs.setFinal(2);
        vm.expectRevert(abi.encodeWithSelector(IGlobalExitRootManager.NoExits.selector, index));
        manager.proveRollupExitRoot(index, account, slots);
    }

    function test_claim_ofAnOlderRoot() public {
        claim(l1, _bridge(l1, alice, bob, 9, address(0)));
        Exit memory exit = _bridge(l2, bob, alice, 4, address(0));
        settle();
        Proof memory old = proofOfExit(l2, 0);
        _bridge(l2, bob, alice, 4, address(0));
        settle();
        uint256 before = alice.balance;
        claim(l1, exit.leaf, old);
        assertEq(alice.balance, before + 4);
    }

    function claimAt(
        PolygonZkEVMBridge end,
        IPolygonZkEVMBridge.Leaf memory leaf,
        Proof memory proof
    ) external {
        claim(end, leaf, proof);
    }

    function _rootWith(address from, uint256 amount) private returns (bytes32 root) {
        uint256 snapshot = vm.snapshotState();
        vm.prank(from);
        l1.bridgeAsset{value: amount}(1, bob, amount, address(0), false, "");
        root = l1.getRoot();
        vm.revertToState(snapshot);
        vm.getRecordedLogs();
    }

    function _permit(address owner, address spender, uint256 value)
        private
        view
        returns (bytes memory)
    {
        return
            abi.encodeCall(IERC20Permit.permit, (owner, spender, value, block.timestamp, 27, 0, 0));
    }

    function _bridge(
        PolygonZkEVMBridge from,
        address who,
        address to,
        uint256 amount,
        address asset
    ) private returns (Exit memory) {
        uint32 other = from == l1 ? 1 : 0;
        uint256 value = asset == address(0) ? amount : 0;
        vm.prank(who);
        from.bridgeAsset{value: value}(other, to, amount, asset, true, "");
        return departed();
    }
}

/// @dev Where the rollup's coin is a token, this bridge takes neither.
contract CdkGasTokenTest is CdkFixture {
    FreeToken private _coin;
    address private alice = makeAddr("alice");

    function test_coinsAndTheirToken_areRefused_othersCross() public {
        vm.recordLogs();
        vm.deal(alice, 1);
        _coin.mint(alice, 5);
        vm.startPrank(alice);
        _coin.approve(address(l1), 5);
        vm.expectRevert(IPolygonZkEVMBridge.NotOnGasTokenNetworks.selector);
        l1.bridgeAsset{value: 1}(1, alice, 1, address(0), true, "");
        vm.expectRevert(IPolygonZkEVMBridge.NotOnGasTokenNetworks.selector);
        l1.bridgeMessage{value: 1}(1, alice, true, "");
        vm.expectRevert(IPolygonZkEVMBridge.NotOnGasTokenNetworks.selector);
        l1.bridgeAsset(1, alice, 5, address(_coin), true, "");
        bytes memory tooSmall =
            abi.encodeWithSelector(IPolygonZkEVMBridge.EscrowTooSmall.selector, address(0), 1, 0);
        vm.expectRevert(tooSmall);
        l2.bridgeAsset{value: 1}(0, alice, 1, address(0), true, "");
        FreeToken other = new FreeToken("Other", "OTH", 18);
        other.mint(alice, 5);
        other.approve(address(l1), 5);
        l1.bridgeAsset(1, alice, 5, address(other), true, "");
        vm.stopPrank();
        claim(l1, departed());
        address wrapped = l2.getTokenWrappedAddress(0, address(other));
        assertEq(TokenWrapped(wrapped).balanceOf(alice), 5);
    }

    function makeGasToken() internal override returns (address) {
        _coin = new FreeToken("Money", "MON", 6);
        return address(_coin);
    }
}
