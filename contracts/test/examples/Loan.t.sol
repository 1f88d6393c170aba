// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {Test} from "forge-std/Test.sol";
import {Collateral} from "../../src/examples/Collateral.sol";
import {Loan} from "../../src/examples/Loan.sol";
import {StateVerifier} from "../../src/metalayer/StateVerifier.sol";
import {IStateVerifier, StateProof} from "../../src/metalayer/interfaces/IStateVerifier.sol";
import {AttestedState} from "../../src/metalayer/libs/AttestedState.sol";
import {MockRootVerifier} from "../mocks/MockRootVerifier.sol";

/// @notice The example: one ether locked by the borrower at block 7 of chain 901, as
/// tests/vectors/state.json proves it.
contract LoanTest is Test {
    uint256 private constant CASE = 6;

    address private borrower;
    address private collateral;
    MockRootVerifier private roots;
    StateVerifier private verifier;
    StateProof private proof;

    function setUp() public {
        string memory json = vm.readFile("../tests/vectors/state.json");
        string memory entry = string.concat(".proofs[", vm.toString(CASE), "]");
        borrower = vm.parseJsonAddress(json, ".borrower");
        collateral = vm.parseJsonAddress(json, string.concat(entry, ".account"));
        roots = new MockRootVerifier();
        roots.certify(
            uint64(vm.parseJsonUint(json, ".epoch")),
            vm.parseJsonBytes32(json, string.concat(entry, ".aggregateRoot"))
        );
        verifier = new StateVerifier(address(roots));
        _keep(abi.decode(vm.parseJsonBytes(json, string.concat(entry, ".proof")), (StateProof)));
    }

    function test_borrow_upToHalf() public {
        Loan loan = _loan(901, collateral);
        vm.prank(borrower);
        loan.borrow(0.5 ether, proof);
        assertEq(borrower.balance, 0.5 ether);
        assertEq(loan.debt(borrower), 0.5 ether);
        assertEq(loan.knownBlock(borrower), 7);

        vm.prank(borrower);
        vm.expectRevert(
            abi.encodeWithSelector(Loan.CollateralTooSmall.selector, 0.5 ether + 1, 1 ether)
        );
        loan.borrow(1, proof);
    }

    function test_borrow_refusesAnotherChain() public {
        Loan loan = _loan(902, collateral);
        vm.expectRevert(abi.encodeWithSelector(AttestedState.WrongDomain.selector, 901, 902));
        vm.prank(borrower);
        loan.borrow(1, proof);
    }

    function test_borrow_refusesAnotherContract() public {
        address other = makeAddr("other");
        Loan loan = _loan(901, other);
        vm.expectRevert(
            abi.encodeWithSelector(
                AttestedState.SlotNotProven.selector, other, AttestedState.slotOf(borrower, 0)
            )
        );
        vm.prank(borrower);
        loan.borrow(1, proof);
    }

    function test_borrow_refusesAnotherBorrowersSlot() public {
        Loan loan = _loan(901, collateral);
        address thief = makeAddr("thief");
        vm.expectRevert(
            abi.encodeWithSelector(
                AttestedState.SlotNotProven.selector, collateral, AttestedState.slotOf(thief, 0)
            )
        );
        vm.prank(thief);
        loan.borrow(1, proof);
    }

    function test_borrow_refusesStaleState() public {
        Loan loan = _loan(901, collateral);
        // known: the fourth variable is a mapping at slot 1, after `debt` at slot 0
        vm.store(address(loan), AttestedState.slotOf(borrower, 1), bytes32(uint256(8)));
        vm.expectRevert(abi.encodeWithSelector(AttestedState.StaleRoot.selector, 7, 8));
        vm.prank(borrower);
        loan.borrow(1, proof);
    }

    function test_borrow_refusesAForgedNode() public {
        Loan loan = _loan(901, collateral);
        bytes storage node = proof.nodes[0];
        node[3] = bytes1(uint8(node[3]) ^ 1);
        vm.expectPartialRevert(IStateVerifier.InvalidTrieProof.selector);
        vm.prank(borrower);
        loan.borrow(1, proof);
    }

    function test_lock_addsUp() public {
        Collateral there = new Collateral();
        vm.deal(borrower, 3);
        vm.startPrank(borrower);
        there.lock{value: 1}();
        there.lock{value: 2}();
        assertEq(there.locked(borrower), 3);
        assertEq(vm.load(address(there), AttestedState.slotOf(borrower, 0)), bytes32(uint256(3)));
    }

    function _loan(uint32 domain, address there) private returns (Loan loan) {
        loan = new Loan(address(verifier), domain, there);
        vm.deal(address(loan), 10 ether);
    }

    function _keep(StateProof memory loaded) private {
        proof.leaf = loaded.leaf;
        for (uint256 i = 0; i < loaded.nodes.length; ++i) {
            proof.nodes.push(loaded.nodes[i]);
        }
        for (uint256 i = 0; i < loaded.accounts.length; ++i) {
            proof.accounts.push(loaded.accounts[i]);
        }
        for (uint256 i = 0; i < loaded.slots.length; ++i) {
            proof.slots.push(loaded.slots[i]);
        }
    }
}
