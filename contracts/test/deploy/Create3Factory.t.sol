// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {Create3Factory} from "../../src/deploy/Create3Factory.sol";
import {ICreate3Factory} from "../../src/deploy/interfaces/ICreate3Factory.sol";

contract Box {
    error Odd(uint256 value);

    uint256 public immutable value;

    constructor(uint256 value_) payable {
        if (value_ % 2 == 1) revert Odd(value_);
        value = value_;
    }
}

contract Create3FactoryTest is Test {
    Create3Factory internal factory;

    function setUp() public {
        factory = new Create3Factory();
    }

    /// @dev The well-known derivation, so that other languages can compute it: CREATE by the first account
    /// that CREATE2 makes of OpenZeppelin's 28 bytes.
    function test_addressOf_isCreateOfCreate2() public view {
        bytes32 salt = keccak256("caldera.v1.Mailbox");
        bytes memory proxyCode = hex"73365f5f37365f34f06012573d5f5f3e3d5ffd5b005f526014600cf3";
        address proxy = vm.computeCreate2Address(salt, keccak256(proxyCode), address(factory));
        assertEq(factory.addressOf(salt), vm.computeCreateAddress(proxy, 1));
    }

    function test_deploy_passesArgumentsAndValue() public {
        bytes32 salt = keccak256("box");
        address expected = factory.addressOf(salt);
        vm.expectEmit(address(factory));
        emit ICreate3Factory.Deployed(salt, expected);
        address account = factory.deploy{value: 5}(salt, _box(42));
        assertEq(account, expected);
        assertEq(Box(account).value(), 42);
        assertEq(account.balance, 5);
    }

    function testFuzz_deploy_addressDependsOnTheSaltAlone(
        bytes32 salt,
        uint128 value,
        address caller
    ) public {
        address expected = factory.addressOf(salt);
        vm.prank(caller);
        assertEq(factory.deploy(salt, _box(uint256(value) * 2)), expected);
    }

    function test_deploy_revertsWithAlreadyDeployed() public {
        bytes32 salt = keccak256("box");
        address account = factory.deploy(salt, _box(2));
        vm.expectRevert(
            abi.encodeWithSelector(ICreate3Factory.AlreadyDeployed.selector, salt, account)
        );
        factory.deploy(salt, _box(4));
    }

    function test_deploy_passesOnTheConstructorsRevert() public {
        vm.expectRevert(abi.encodeWithSelector(Box.Odd.selector, 3));
        factory.deploy(keccak256("box"), _box(3));
        // the salt is not spent
        factory.deploy(keccak256("box"), _box(4));
    }

    function _box(uint256 value) private pure returns (bytes memory) {
        return bytes.concat(type(Box).creationCode, abi.encode(value));
    }
}
