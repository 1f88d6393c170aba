// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IFinalOutputs} from "../../era/interfaces/IFinalOutputs.sol";
import {IL2OutputOracle} from "./IL2OutputOracle.sol";

/// @title IOutputRegistry
/// @notice Which oracle tells of which rollup, by its domain; answers {IFinalOutputs} out of them.
interface IOutputRegistry is IFinalOutputs {
    /// @notice Emitted when a rollup's oracle is named.
    event OracleSet(uint32 indexed domain, address oracle);

    /// @notice Names the oracle of a rollup, or takes it away with zero. Only the owner's.
    function setOracle(uint32 domain, IL2OutputOracle oracle) external;

    /// @notice The oracle of the rollup `domain`; zero for none.
    function oracleOf(uint32 domain) external view returns (IL2OutputOracle);
}
