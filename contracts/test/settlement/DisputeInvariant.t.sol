// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {IDisputeGame} from "../../src/settlement/interfaces/IDisputeGame.sol";
import {OpenDecider} from "../mocks/Disputants.sol";
import {DisputeFixture} from "./DisputeFixture.sol";

/// @notice Outputs, games about them and moves in any order; half of the moves are missed or wrong.
contract Disputing is DisputeFixture {
    address[] internal players;
    uint64 private _last;

    constructor() {
        setUp();
        OpenDecider decider = new OpenDecider();
        disputes.setDeciders(decider, decider);
        players = [proposer, challenger, makeAddr("third")];
        vm.deal(players[2], 1000 ether);
    }

    function proposeNext(uint8 blocks, bytes32 salt) external {
        _last += uint64(bound(blocks, 1, 5));
        post(_last);
        propose(_last, salt);
    }

    /// @dev Proposes what is posted already, once outputs were removed.
    function proposeAgain(bytes32 salt) external {
        propose(_last, salt);
    }

    function open(uint256 index, bool data, bool third) external {
        index = bound(index, 0, oracle.nextOutputIndex() - 1);
        address who = third ? players[2] : challenger;
        if (data) askForData(who, index);
        else challengeAs(who, index);
    }

    function move(uint256 id, bytes32 value, bool agrees) external {
        id = bound(id, 1, disputes.games());
        IDisputeGame.Game memory found = disputes.game(id);
        if (found.phase == IDisputeGame.Phase.BLOCK_ANSWER) {
            vm.prank(found.challenger);
            disputes.answer(id, found.claimed, agrees);
        } else {
            claim(id, value);
        }
    }

    function give(uint256 id, bool right) external {
        id = bound(id, 1, disputes.games());
        if (disputes.game(id).phase == IDisputeGame.Phase.STEP_VERDICT) {
            disputes.decide(id, right, abi.encode(right));
        } else {
            disputes.decideData(id, right, abi.encode(right));
        }
    }

    function pass(uint8 time) external {
        skip(bound(time, 0, 70));
    }

    function end(uint256 id) external {
        disputes.timeout(bound(id, 1, disputes.games()));
    }

    function close(uint256 id) external {
        disputes.close(bound(id, 1, disputes.games()));
    }

    function draw(uint256 who) external {
        disputes.withdraw(payable(players[who % 3]));
    }

    function takeBack(uint256 index) external {
        oracle.withdrawBond(bound(index, 0, oracle.nextOutputIndex() - 1));
    }

    function setBond(uint96 bond) external {
        disputes.setRules(uint96(bound(bond, 1, 3 ether)), 60, 60);
    }

    /// @return held Wei of the contract's. @return owed Wei that it owes, by game and by credit.
    function books() external view returns (uint256 held, uint256 owed) {
        held = address(disputes).balance;
        for (uint256 id = 1; id <= disputes.games(); ++id) {
            if (_isOpen(id)) owed += disputes.game(id).bond;
        }
        for (uint256 i = 0; i < 3; ++i) {
            owed += disputes.credits(players[i]);
        }
    }

    /// @dev Locks of every output are as many as open games about it; what is locked is not final.
    function locksAreRight() external view returns (bool) {
        for (uint256 index = 0; index < oracle.nextOutputIndex(); ++index) {
            uint256 count = 0;
            uint64 serial = oracle.output(index).serial;
            for (uint256 id = 1; id <= disputes.games(); ++id) {
                if (_isOpen(id) && disputes.game(id).serial == serial) ++count;
            }
            if (count != oracle.locks(index) || (count > 0 && oracle.isFinal(index))) return false;
        }
        return true;
    }

    /// @dev The oracle's wei: the bonds of its outputs, and what waits for those who did not take it.
    function oracleBooks() external view returns (uint256 held, uint256 owed) {
        held = address(oracle).balance;
        for (uint256 index = 0; index < oracle.nextOutputIndex(); ++index) {
            owed += oracle.output(index).bond;
        }
        for (uint256 i = 0; i < 3; ++i) {
            owed += oracle.owed(players[i]);
        }
    }

    function _isOpen(uint256 id) private view returns (bool) {
        IDisputeGame.Phase phase = disputes.game(id).phase;
        return phase != IDisputeGame.Phase.NONE && phase < IDisputeGame.Phase.PROPOSER_WON;
    }
}

contract DisputeInvariantTest is DisputeFixture {
    Disputing private disputing;

    function setUp() public override {
        disputing = new Disputing();
        targetContract(address(disputing));
        bytes4[] memory calls = new bytes4[](11);
        (calls[0], calls[1], calls[2], calls[3]) =
        (
            Disputing.proposeNext.selector,
            Disputing.proposeAgain.selector,
            Disputing.open.selector,
            Disputing.move.selector
        );
        (calls[4], calls[5], calls[6], calls[7]) =
        (
            Disputing.give.selector,
            Disputing.pass.selector,
            Disputing.end.selector,
            Disputing.close.selector
        );
        (calls[8], calls[9], calls[10]) =
        (Disputing.draw.selector, Disputing.takeBack.selector, Disputing.setBond.selector);
        targetSelector(FuzzSelector(address(disputing), calls));
    }

    /// @dev To the wei: what is held are the bonds of open games and what was won and not drawn.
    /// forge-config: default.invariant.runs = 16
    /// forge-config: default.invariant.depth = 100
    function invariant_bondsAreBacked() public view {
        (uint256 held, uint256 owed) = disputing.books();
        assertEq(held, owed);
        (held, owed) = disputing.oracleBooks();
        assertEq(held, owed);
        assertTrue(disputing.locksAreRight());
    }
}
