// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {
    OwnableUpgradeable
} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IGasOracle} from "../../src/metalayer/interfaces/IGasOracle.sol";
import {IInterchainGasPaymaster} from "../../src/metalayer/interfaces/IInterchainGasPaymaster.sol";
import {IPostDispatchHook} from "../../src/metalayer/interfaces/IPostDispatchHook.sol";
import {StandardHookMetadata} from "../../src/metalayer/libs/StandardHookMetadata.sol";
import {CoinRefuser} from "../mocks/Recipients.sol";
import {MetalayerTest} from "../utils/MetalayerTest.sol";

contract FixedOracle is IGasOracle {
    function getExchangeRateAndGasPrice(uint32) external pure returns (uint128, uint128) {
        return (3e10, 7);
    }
}

contract InterchainGasPaymasterTest is MetalayerTest {
    bytes32 internal constant RECIPIENT = bytes32(uint256(0xbeef));
    uint128 internal constant ONE = 1e10;

    function test_initialize() public {
        assertEq(here.igp.owner(), governor);
        assertEq(here.igp.beneficiary(), beneficiary);
        assertEq(here.igp.hookType(), 4);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        here.igp.initialize(alice, alice);
    }

    function test_quotes_areZeroUntilAPriceIsSet() public view {
        assertEq(here.igp.quoteGasPayment(THERE, 1e9), 0);
        assertEq(here.mailbox.quoteDispatch(THERE, RECIPIENT, "x"), 0);
    }

    function test_dispatch_paysForDefaultGasByDefault() public {
        bytes32 id = keccak256(_message(0, alice, address(0xbeef), "x"));
        vm.expectEmit(address(here.igp));
        emit IInterchainGasPaymaster.GasPayment(id, THERE, 50_000, 0);
        vm.prank(alice);
        here.mailbox.dispatch(THERE, RECIPIENT, "x");
    }

    function test_dispatch_paysForTheNamedGasAndTheOverhead() public {
        _setPrice(ONE, 2);
        _setOverhead(THERE, 10_000);
        bytes memory metadata = StandardHookMetadata.encode(0, 90_000, bob);
        assertEq(here.mailbox.quoteDispatch(THERE, RECIPIENT, "x", metadata), 200_000);

        bytes32 id = keccak256(_message(0, alice, address(0xbeef), "x"));
        vm.expectEmit(address(here.igp));
        emit IInterchainGasPaymaster.GasPayment(id, THERE, 100_000, 200_000);
        vm.prank(alice);
        here.mailbox.dispatch{value: 200_011}(THERE, RECIPIENT, "x", metadata);
        assertEq(bob.balance, 11, "the refund address gets the rest");
        assertEq(address(here.igp).balance, 200_000);
    }

    function test_dispatch_refundsTheSenderByDefault() public {
        vm.prank(alice);
        here.mailbox.dispatch{value: 1 ether}(THERE, RECIPIENT, "x");
        assertEq(alice.balance, 100 ether);
    }

    function test_dispatch_revertsWithInsufficientFee() public {
        _setPrice(ONE, 2);
        vm.expectRevert(
            abi.encodeWithSelector(
                IInterchainGasPaymaster.InsufficientFee.selector, 100_000, 99_999
            )
        );
        vm.prank(alice);
        here.mailbox.dispatch{value: 99_999}(THERE, RECIPIENT, "x");
    }

    function test_postDispatch_revertsWithRefundFailed() public {
        address refuser = address(new CoinRefuser());
        bytes memory metadata = StandardHookMetadata.encode(0, 1, refuser);
        vm.expectRevert(
            abi.encodeWithSelector(IInterchainGasPaymaster.RefundFailed.selector, refuser, 5)
        );
        vm.prank(alice);
        here.mailbox.dispatch{value: 5}(THERE, RECIPIENT, "x", metadata);
    }

    function test_postDispatch_revertsWithNoRefundAddress() public {
        bytes memory metadata = StandardHookMetadata.encode(0, 1, address(0));
        vm.expectRevert(IInterchainGasPaymaster.NoRefundAddress.selector);
        vm.prank(alice);
        here.mailbox.dispatch{value: 5}(THERE, RECIPIENT, "x", metadata);
    }

    function test_postDispatch_revertsWithUnsupportedMetadataVariant() public {
        assertFalse(here.igp.supportsMetadata(hex"0003"));
        bytes memory expected =
            abi.encodeWithSelector(IPostDispatchHook.UnsupportedMetadataVariant.selector, 3);
        vm.expectRevert(expected);
        here.igp.postDispatch(hex"0003", "");
        vm.expectRevert(expected);
        here.igp.quoteDispatch(hex"0003", "");
    }

    function test_payForGas() public {
        _setPrice(ONE / 2, 4);
        vm.expectEmit(address(here.igp));
        emit IInterchainGasPaymaster.GasPayment(bytes32("id"), THERE, 30, 60);
        vm.prank(alice);
        here.igp.payForGas{value: 100}(bytes32("id"), THERE, 30, bob);
        assertEq(bob.balance, 40);
        assertEq(address(here.igp).balance, 60);
    }

    function test_payForGas_revertsWithInsufficientFee() public {
        _setPrice(ONE, 1);
        vm.expectRevert(
            abi.encodeWithSelector(IInterchainGasPaymaster.InsufficientFee.selector, 30, 29)
        );
        vm.prank(alice);
        here.igp.payForGas{value: 29}(bytes32("id"), THERE, 30, bob);
    }

    function test_prices_oraclesComeBeforeOwnOnesBeforeTheDefault() public {
        _setPrice(ONE, 2);
        IInterchainGasPaymaster.DomainGasPrice[] memory prices =
            new IInterchainGasPaymaster.DomainGasPrice[](1);
        prices[0] =
            IInterchainGasPaymaster.DomainGasPrice(THERE, IInterchainGasPaymaster.GasPrice(ONE, 5));
        _setOverhead(THERE, 17);
        vm.expectEmit(address(here.igp));
        emit IInterchainGasPaymaster.GasPriceSet(THERE, ONE, 5);
        vm.prank(governor);
        here.igp.setGasPrices(prices);

        assertEq(here.igp.quoteGasPayment(903, 10), 20, "default");
        assertEq(here.igp.quoteGasPayment(THERE, 10), 50, "own");
        (IGasOracle oracle, uint96 overhead) = here.igp.destinationGasConfigs(THERE);
        assertEq(address(oracle), address(here.igp));
        assertEq(overhead, 17, "kept");

        IInterchainGasPaymaster.GasParam[] memory configs =
            new IInterchainGasPaymaster.GasParam[](1);
        configs[0] = IInterchainGasPaymaster.GasParam(
            THERE, IInterchainGasPaymaster.DomainGasConfig(new FixedOracle(), 100)
        );
        vm.expectEmit(address(here.igp));
        emit IInterchainGasPaymaster.DestinationGasConfigSet(
            THERE, address(configs[0].config.gasOracle), 100
        );
        vm.prank(governor);
        here.igp.setDestinationGasConfigs(configs);
        assertEq(here.igp.quoteGasPayment(THERE, 10), 210, "oracle");
        assertEq(here.igp.destinationGasLimit(THERE, 10), 110);
    }

    function test_claim() public {
        _setPrice(ONE, 1);
        vm.prank(alice);
        here.igp.payForGas{value: 30}(bytes32("id"), THERE, 30, alice);
        here.igp.claim();
        assertEq(beneficiary.balance, 30);
        assertEq(address(here.igp).balance, 0);
    }

    function test_claim_revertsWithClaimFailed() public {
        address refuser = address(new CoinRefuser());
        vm.prank(governor);
        here.igp.setBeneficiary(refuser);
        vm.deal(address(here.igp), 1);
        vm.expectRevert(
            abi.encodeWithSelector(IInterchainGasPaymaster.ClaimFailed.selector, refuser)
        );
        here.igp.claim();
    }

    function test_setBeneficiary_revertsWithInvalidBeneficiary() public {
        vm.expectRevert(IInterchainGasPaymaster.InvalidBeneficiary.selector);
        vm.prank(governor);
        here.igp.setBeneficiary(address(0));
    }

    function test_setters_revertWithOwnableUnauthorizedAccount() public {
        bytes memory expected =
            abi.encodeWithSelector(OwnableUpgradeable.OwnableUnauthorizedAccount.selector, alice);
        vm.startPrank(alice);
        vm.expectRevert(expected);
        here.igp.setBeneficiary(alice);
        vm.expectRevert(expected);
        here.igp.setDefaultGasPrice(IInterchainGasPaymaster.GasPrice(1, 1));
        vm.expectRevert(expected);
        here.igp.setGasPrices(new IInterchainGasPaymaster.DomainGasPrice[](0));
        vm.expectRevert(expected);
        here.igp.setDestinationGasConfigs(new IInterchainGasPaymaster.GasParam[](0));
    }

    /// @dev Every wei is kept as payment or given back.
    function testFuzz_payForGas_losesNothing(uint64 gasAmount, uint64 price, uint96 extra) public {
        _setPrice(ONE, price);
        uint256 due = uint256(gasAmount) * price;
        assertEq(here.igp.quoteGasPayment(THERE, gasAmount), due);
        vm.deal(alice, due + extra);
        vm.prank(alice);
        here.igp.payForGas{value: due + extra}(bytes32("id"), THERE, gasAmount, bob);
        assertEq(address(here.igp).balance, due);
        assertEq(bob.balance, extra);
    }

    function _setPrice(uint128 rate, uint128 price) private {
        vm.expectEmit(address(here.igp));
        emit IInterchainGasPaymaster.DefaultGasPriceSet(rate, price);
        vm.prank(governor);
        here.igp.setDefaultGasPrice(IInterchainGasPaymaster.GasPrice(rate, price));
    }

    function _setOverhead(uint32 domain, uint96 overhead) private {
        IInterchainGasPaymaster.GasParam[] memory configs =
            new IInterchainGasPaymaster.GasParam[](1);
        configs[0] = IInterchainGasPaymaster.GasParam(
            domain, IInterchainGasPaymaster.DomainGasConfig(IGasOracle(address(0)), overhead)
        );
        vm.prank(governor);
        here.igp.setDestinationGasConfigs(configs);
    }
}
