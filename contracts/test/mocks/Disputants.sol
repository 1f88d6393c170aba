// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {IDisputeGame} from "../../src/settlement/interfaces/IDisputeGame.sol";
import {IL2OutputOracle} from "../../src/settlement/interfaces/IL2OutputOracle.sol";
import {
    DataQuestion,
    IDataDecider,
    IStepDecider,
    Step
} from "../../src/settlement/interfaces/IStepDecider.sol";

/// @notice A decider whose proof is the verdict: what stands behind the interface is not the game's business.
contract OpenDecider is IStepDecider, IDataDecider {
    error NotShown();

    function checkStep(Step calldata, bool right, bytes calldata proof) external pure override {
        if (keccak256(proof) != keccak256(abi.encode(right))) revert NotShown();
    }

    function checkData(DataQuestion calldata, bool available, bytes calldata proof)
        external
        pure
        override
    {
        if (keccak256(proof) != keccak256(abi.encode(available))) revert NotShown();
    }
}

/// @notice A challenger that takes no coin, or comes back for more of it.
contract AwkwardChallenger {
    IDisputeGame private immutable _game;
    bool private immutable _greedy;
    uint256 public attempts;

    constructor(IDisputeGame game_, bool greedy_) payable {
        (_game, _greedy) = (game_, greedy_);
    }

    function challenge(address oracle, uint256 index) external returns (uint256) {
        bytes32 blockHash = IL2OutputOracle(oracle).output(index).blockHash;
        return _game.challenge{value: _game.bond()}(oracle, index, blockHash);
    }

    receive() external payable {
        if (!_greedy) revert();
        if (msg.sender != address(_game)) return;
        ++attempts;
        try _game.withdraw(payable(address(this))) {} catch {}
    }
}

/// @notice An oracle that means no good: it comes back into the game with whatever it is told to call.
contract HostileOracle {
    IDisputeGame private immutable _game;
    uint256 public nextOutputIndex = 1;
    uint256 public succeeded;
    bytes[] private _calls;
    uint48 private _serial;

    constructor(IDisputeGame game_) payable {
        _game = game_;
    }

    function arm(bytes[] memory calls) external {
        for (uint256 i = 0; i < calls.length; ++i) {
            _calls.push(calls[i]);
        }
    }

    function forget() external {
        nextOutputIndex = 0;
    }

    function replace() external {
        ++_serial;
    }

    function chainId() external pure returns (uint256) {
        return 901;
    }

    function isFinal(uint256) external pure returns (bool) {
        return false;
    }

    function parentOf(uint256) external pure returns (bytes32, bytes32, uint64) {
        return (keccak256("parent"), 0, 4);
    }

    function output(uint256) external view returns (IL2OutputOracle.Output memory found) {
        found.blockHash = keccak256("block");
        found.l2BlockNumber = 12;
        found.proposer = address(this);
        found.serial = _serial;
    }

    function lock(uint256) external {
        _attack();
    }

    function unlock(uint256) external {
        _attack();
    }

    function remove(uint256, address) external {
        nextOutputIndex = 0;
        _attack();
    }

    receive() external payable {}

    function _attack() private {
        for (uint256 i = 0; i < _calls.length; ++i) {
            (bool success,) = address(_game).call(_calls[i]);
            if (success) ++succeeded;
        }
    }
}
