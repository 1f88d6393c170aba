// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Governed} from "../../metalayer/Governed.sol";
import {MerkleTree} from "../../metalayer/libs/MerkleTree.sol";
import {IL2OutputOracle} from "../../settlement/interfaces/IL2OutputOracle.sol";
import {IOptimismPortal} from "../interfaces/IOptimismPortal.sol";
import {FinalState} from "../libs/FinalState.sol";
import {IExitRoots} from "./interfaces/IExitRoots.sol";
import {IGlobalExitRootManager} from "./interfaces/IGlobalExitRootManager.sol";
import {IGlobalExitRootManagerL2} from "./interfaces/IGlobalExitRootManagerL2.sol";
import {ExitTree} from "./libs/ExitTree.sol";

/// @title GlobalExitRootManager
/// @notice Implements {IGlobalExitRootManager}, which documents it.
contract GlobalExitRootManager is IGlobalExitRootManager, Governed {
    using MerkleTree for MerkleTree.Tree;

    /// @inheritdoc IGlobalExitRootManager
    uint64 public constant override INSERT_GAS_LIMIT = 100_000;
    address private constant L2_MANAGER = 0xa40D5f56745a118D0906a34E69aeC8C0Db1cB8fA;
    /// @dev Of `lastRollupExitRoot` in the rollup's manager.
    bytes32 private constant LAST_ROLLUP_EXIT_ROOT_SLOT = bytes32(uint256(1));

    /// @inheritdoc IExitRoots
    address public override bridgeAddress;
    /// @inheritdoc IGlobalExitRootManager
    address public override portal;
    /// @inheritdoc IGlobalExitRootManager
    bytes32 public override lastMainnetExitRoot;
    /// @inheritdoc IExitRoots
    bytes32 public override lastRollupExitRoot;
    /// @inheritdoc IGlobalExitRootManager
    bytes32 public override lastLocalExitRoot;
    /// @inheritdoc IGlobalExitRootManager
    uint256 public override lastRollupBlock;
    /// @inheritdoc IExitRoots
    mapping(bytes32 globalExitRoot => uint256) public override globalExitRootMap;
    MerkleTree.Tree private _tree;
    bytes32 private _root;

    function initialize(address owner_, address bridge_, address portal_) external initializer {
        __Ownable_init(owner_);
        (bridgeAddress, portal) = (bridge_, portal_);
    }

    /// @inheritdoc IExitRoots
    function updateExitRoot(bytes32 newRoot) external override {
        if (msg.sender != bridgeAddress) revert OnlyAllowedContracts();
        lastMainnetExitRoot = newRoot;
        _update();
    }

    /// @inheritdoc IGlobalExitRootManager
    function proveRollupExitRoot(
        uint256 l2OutputIndex,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external override {
        IL2OutputOracle oracle = l2Oracle();
        bytes32 local = FinalState.read(
            oracle,
            l2OutputIndex,
            L2_MANAGER,
            LAST_ROLLUP_EXIT_ROOT_SLOT,
            accountProof,
            storageProof
        );
        uint256 number = oracle.output(l2OutputIndex).l2BlockNumber;
        if (number <= lastRollupBlock) revert OutputNotNewer(number, lastRollupBlock);
        if (local == 0) revert NoExits(l2OutputIndex);
        (lastRollupBlock, lastLocalExitRoot) = (number, local);
        lastRollupExitRoot = ExitTree.rootOfOne(local);
        emit RollupExitRootProven(l2OutputIndex, number, local);
        _update();
    }

    /// @inheritdoc IGlobalExitRootManager
    function depositCount() external view override returns (uint256) {
        return _tree.count;
    }

    /// @inheritdoc IGlobalExitRootManager
    function getRoot() external view override returns (bytes32) {
        return _tree.count == 0 ? MerkleTree.EMPTY_ROOT : _root;
    }

    /// @inheritdoc IGlobalExitRootManager
    function l2Oracle() public view override returns (IL2OutputOracle) {
        return IL2OutputOracle(IOptimismPortal(portal).l2Oracle());
    }

    /// @inheritdoc IGlobalExitRootManager
    function getLastGlobalExitRoot() public view override returns (bytes32) {
        return MerkleTree.hashPair(lastMainnetExitRoot, lastRollupExitRoot);
    }

    /// @inheritdoc IGlobalExitRootManager
    function getLeafValue(bytes32 newGlobalExitRoot, uint256 lastBlockHash, uint64 timestamp)
        public
        pure
        override
        returns (bytes32)
    {
        return keccak256(abi.encodePacked(newGlobalExitRoot, lastBlockHash, timestamp));
    }

    /// @dev Keeps the new global exit root and sends it to the rollup. One that was before keeps its
    /// first block.
    function _update() private {
        bytes32 global = getLastGlobalExitRoot();
        if (globalExitRootMap[global] != 0) return;
        uint256 lastBlockHash = uint256(blockhash(block.number - 1));
        globalExitRootMap[global] = lastBlockHash;
        _root = _tree.insert(getLeafValue(global, lastBlockHash, uint64(block.timestamp)));
        emit UpdateL1InfoTree(lastMainnetExitRoot, lastRollupExitRoot);
        bytes memory call = abi.encodeCall(IGlobalExitRootManagerL2.insertGlobalExitRoot, (global));
        IOptimismPortal(portal).depositTransaction(L2_MANAGER, 0, INSERT_GAS_LIMIT, false, call);
    }
}
