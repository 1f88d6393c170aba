// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {CrosschainLinked} from "@openzeppelin/contracts/crosschain/CrosschainLinked.sol";
import {LinkedToken} from "../../src/examples/LinkedToken.sol";
import {GatewayTest} from "../gateway/GatewayTest.sol";

contract LinkedTokenTest is GatewayTest {
    uint256 internal constant SUPPLY = 1_000 ether;

    LinkedToken internal coin;
    LinkedToken internal other;

    function setUp() public override {
        super.setUp();
        coin = new LinkedToken("Coin", "COIN", alice, SUPPLY);
        other = new LinkedToken("Coin", "COIN", alice, 0);
    }

    function testFuzz_goesThere(uint256 amount) public {
        amount = bound(amount, 0, SUPPLY);
        _link();
        vm.prank(alice);
        coin.crosschainTransfer(_there(bob), amount);
        bytes memory payload = abi.encode(_here(alice), abi.encodePacked(bob), amount);
        vm.chainId(CHAIN_THERE);
        _bringThere(_messageThere(0, _body(0, 0, address(coin), address(other), payload)));
        assertEq(other.balanceOf(bob), amount);
        assertEq(coin.totalSupply(), SUPPLY - amount);
    }

    function test_setLink_revertsForOthers() public {
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, bob));
        coin.setLink(address(gatewayHere), _there(address(other)));
    }

    function test_setLink_revertsForALinkedChain() public {
        _link();
        vm.prank(alice);
        vm.expectPartialRevert(CrosschainLinked.LinkAlreadyRegistered.selector);
        coin.setLink(address(gatewayHere), _there(bob));
    }

    function _link() private {
        vm.startPrank(alice);
        coin.setLink(address(gatewayHere), _there(address(other)));
        other.setLink(address(gatewayThere), _here(address(coin)));
        vm.stopPrank();
    }
}
