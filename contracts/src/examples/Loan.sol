// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {IStateVerifier, StateProof} from "../metalayer/interfaces/IStateVerifier.sol";
import {AttestedState} from "../metalayer/libs/AttestedState.sol";

/// @title Loan
/// @notice An example: lends half of what an account has locked in a `Collateral` on another chain.
/// @dev What it shows is how another chain's state is read: two lines in {borrow}.
contract Loan {
    IStateVerifier public immutable stateVerifier;
    /// @notice Domain of the chain with the collateral.
    uint32 public immutable domain;
    /// @notice The `Collateral` there.
    address public immutable collateral;

    /// @notice What an account owes, in wei.
    mapping(address borrower => uint256) public debt;
    /// @notice The block of the collateral's chain up to which a borrower's state is known here.
    mapping(address borrower => uint64) public knownBlock;

    event Borrowed(
        address indexed borrower, uint256 amount, uint256 lockedThere, uint64 blockNumber
    );

    /// @notice Thrown when the loan would exceed half of the collateral.
    error CollateralTooSmall(uint256 debt, uint256 locked);

    constructor(address stateVerifier_, uint32 domain_, address collateral_) payable {
        stateVerifier = IStateVerifier(stateVerifier_);
        domain = domain_;
        collateral = collateral_;
    }

    /// @notice Borrow `amount` wei against what `proof` shows to be locked by the caller.
    function borrow(uint256 amount, StateProof calldata proof) external {
        bytes32 slot = AttestedState.slotOf(msg.sender, 0);
        (bytes32 locked, uint64 blockNumber) = AttestedState.read(
            stateVerifier, proof, domain, collateral, slot, knownBlock[msg.sender]
        );

        uint256 owed = debt[msg.sender] + amount;
        if (owed > uint256(locked) / 2) revert CollateralTooSmall(owed, uint256(locked));
        debt[msg.sender] = owed;
        knownBlock[msg.sender] = blockNumber;
        emit Borrowed(msg.sender, amount, uint256(locked), blockNumber);
        Address.sendValue(payable(msg.sender), amount);
    }
}
