// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {FreeToken} from "../../../src/examples/FreeToken.sol";
import {PolygonZkEVMBridge} from "../../../src/rollup/cdk/PolygonZkEVMBridge.sol";
import {TokenWrapped} from "../../../src/rollup/cdk/TokenWrapped.sol";
import {CdkFixture} from "./CdkFixture.sol";

/// @dev Coins and tokens go there and home in any order, roots travel late, claims come when they like.
contract CdkConservationTest is CdkFixture {
    uint256 private constant STEPS = 24;
    address private alice = makeAddr("alice");
    FreeToken private token = new FreeToken("Money", "MON", 6);
    mapping(address bridge => Exit[]) private _waiting;
    /// @dev Units that have left one end and not arrived at the other; zero for coins.
    mapping(address asset => uint256) private _inFlight;

    function setUp() public override {
        super.setUp();
        vm.deal(alice, 100 ether);
        token.mint(alice, 1e12);
        vm.prank(alice);
        token.approve(address(l1), type(uint256).max);
        vm.recordLogs();
    }

    function testFuzz_whatIsLocked_isThereOrOnItsWay(uint256 seed) public {
        for (uint256 step = 0; step < STEPS; ++step) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 kind = seed % 6;
            uint256 choice = seed >> 8;
            if (kind < 2) _leave(choice % 2 == 0 ? PolygonZkEVMBridge(l1) : l2, choice >> 1);
            else if (kind == 2) _tell(l1);
            else if (kind == 3) _tellHome();
            else _claimOne(choice % 2 == 0 ? PolygonZkEVMBridge(l1) : l2, choice >> 1);
            _check();
        }
    }

    function _leave(PolygonZkEVMBridge from, uint256 choice) private {
        bool coins = choice % 2 == 0;
        bool message = choice % 4 == 0;
        address asset = coins ? address(0) : address(token);
        uint256 held = coins ? alice.balance : token.balanceOf(alice);
        if (from == l2) {
            asset = coins ? address(0) : l2.getTokenWrappedAddress(0, address(token));
            if (!coins && asset == address(0)) return;
            held = coins ? l2.escrowed(address(0)) : TokenWrapped(asset).balanceOf(alice);
            // one account holds what it has on both chains
            if (coins && held > alice.balance) held = alice.balance;
        }
        uint256 amount = bound(choice >> 2, 0, held);
        uint32 other = from == l1 ? 1 : 0;
        vm.prank(alice);
        if (message) from.bridgeMessage{value: amount}(other, alice, false, "");
        else from.bridgeAsset{value: coins ? amount : 0}(other, alice, amount, asset, false, "");
        _inFlight[coins ? address(0) : address(token)] += amount;
        Exit memory exit = departed();
        _waiting[address(from)].push(exit);
    }

    function _tell(PolygonZkEVMBridge from) private {
        from.updateGlobalExitRoot();
        departed();
    }

    function _tellHome() private {
        _tell(l2);
        if (l2Manager.lastRollupExitRoot() != 0) settle();
    }

    /// @dev One that has been told of; the newest roots prove it.
    function _claimOne(PolygonZkEVMBridge from, uint256 choice) private {
        Exit[] storage waiting = _waiting[address(from)];
        if (waiting.length == 0) return;
        _tell(from);
        if (from == l2) settle();
        uint256 index = choice % waiting.length;
        Exit memory exit = waiting[index];
        waiting[index] = waiting[waiting.length - 1];
        waiting.pop();
        claim(from, exit);
        bool coins = exit.leaf.leafType == 1 || exit.leaf.originAddress == address(0);
        _inFlight[coins ? address(0) : address(token)] -= exit.leaf.amount;
    }

    function _check() private view {
        assertEq(address(l1).balance, l1.escrowed(address(0)));
        assertEq(PREFUNDED - address(l2).balance, l2.escrowed(address(0)));
        assertEq(l1.escrowed(address(0)), l2.escrowed(address(0)) + _inFlight[address(0)]);
        address wrapped = l2.getTokenWrappedAddress(0, address(token));
        uint256 supply = wrapped == address(0) ? 0 : TokenWrapped(wrapped).totalSupply();
        assertEq(token.balanceOf(address(l1)), l1.escrowed(address(token)));
        assertEq(l1.escrowed(address(token)), supply + _inFlight[address(token)]);
    }
}
