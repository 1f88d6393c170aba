// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Governed} from "../metalayer/Governed.sol";
import {IFinalOutputs} from "../era/interfaces/IFinalOutputs.sol";
import {IL2OutputOracle} from "./interfaces/IL2OutputOracle.sol";
import {IOutputRegistry} from "./interfaces/IOutputRegistry.sol";

/// @title FinalOutputs
/// @notice Implements {IOutputRegistry}, which documents it.
contract FinalOutputs is IOutputRegistry, Governed {
    /// @inheritdoc IOutputRegistry
    mapping(uint32 domain => IL2OutputOracle) public override oracleOf;

    function initialize(address owner_) external initializer {
        __Ownable_init(owner_);
    }

    /// @inheritdoc IOutputRegistry
    function setOracle(uint32 domain, IL2OutputOracle oracle) external override onlyOwner {
        oracleOf[domain] = oracle;
        emit OracleSet(domain, address(oracle));
    }

    /// @inheritdoc IFinalOutputs
    /// @dev Known is what a final output is about itself, none of the blocks between two.
    function finalBlock(uint32 domain, uint64 blockNumber)
        external
        view
        override
        returns (bool known, bytes32 blockHash, bytes32 stateRoot)
    {
        IL2OutputOracle oracle = oracleOf[domain];
        if (address(oracle) == address(0) || oracle.nextOutputIndex() == 0) return (false, 0, 0);
        if (blockNumber > oracle.latestBlockNumber()) return (false, 0, 0);
        uint256 index = oracle.getL2OutputIndexAfter(blockNumber);
        IL2OutputOracle.Output memory found = oracle.output(index);
        if (found.l2BlockNumber != blockNumber || !oracle.isFinal(index)) return (false, 0, 0);
        return (true, found.blockHash, found.stateRoot);
    }
}
