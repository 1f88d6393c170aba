// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Governed} from "../../metalayer/Governed.sol";
import {MerkleTree} from "../../metalayer/libs/MerkleTree.sol";
import {IL2OutputOracle} from "../../settlement/interfaces/IL2OutputOracle.sol";
import {IOptimismPortal} from "../interfaces/IOptimismPortal.sol";
import {Callers} from "../libs/Callers.sol";
import {FinalState} from "../libs/FinalState.sol";
import {GasTokens} from "../libs/GasTokens.sol";
import {IZkBridgehub, L2Message, L2TransactionRequestDirect} from "./interfaces/IZkBridgehub.sol";
import {L2Messages} from "./libs/L2Messages.sol";

/// @title ZkBridgehub
/// @notice Implements {IZkBridgehub}, which documents it. The portal believes what it says of senders.
contract ZkBridgehub is IZkBridgehub, Governed {
    /// @inheritdoc IZkBridgehub
    uint64 public constant override REFUND_GAS_LIMIT = 100_000;
    /// @dev Stands for ether in the ZK Stack's contracts.
    address private constant ETH_TOKEN = address(1);
    /// @dev Of the root in the rollup's {L1Messenger}.
    bytes32 private constant ROOT_SLOT = bytes32(uint256(33));

    /// @inheritdoc IZkBridgehub
    address public override portal;
    uint256 private _requests;
    /// @inheritdoc IZkBridgehub
    bytes32 public override lastMessageRoot;
    /// @inheritdoc IZkBridgehub
    uint256 public override lastBatchNumber;
    uint256 private _lastBlock;
    /// @inheritdoc IZkBridgehub
    mapping(uint256 batchNumber => bytes32) public override messageRootOf;

    modifier onlyOwnChain(uint256 chainId) {
        if (chainId != IOptimismPortal(portal).rollupChainId()) revert InvalidChainId();
        _;
    }

    function initialize(address owner_, address portal_) external initializer {
        __Ownable_init(owner_);
        portal = portal_;
    }

    /// @inheritdoc IZkBridgehub
    function requestL2TransactionDirect(L2TransactionRequestDirect calldata request)
        external
        payable
        override
        onlyOwnChain(request.chainId)
        returns (bytes32 id)
    {
        if (msg.value != request.mintValue) {
            revert MsgValueMismatch(request.mintValue, msg.value);
        }
        if (request.l2Value > request.mintValue) {
            revert MsgValueTooLow(request.l2Value, request.mintValue);
        }
        if (request.factoryDeps.length != 0) revert NoFactoryDeps();
        if (request.l2GasLimit > type(uint64).max) revert GasLimitTooLarge();
        id = keccak256(abi.encode(request.chainId, _requests));
        emit NewPriorityRequestId(_requests++, id);

        address from = Callers.isAccount(msg.sender) ? msg.sender : Callers.aliased(msg.sender);
        IOptimismPortal(portal).relayTransaction{value: request.l2Value}(
            from,
            request.l2Contract,
            request.l2Value,
            uint64(request.l2GasLimit),
            request.l2Calldata
        );
        uint256 excess = request.mintValue - request.l2Value;
        if (excess == 0) return id;
        address to = _refundTo(request.refundRecipient, from);
        IOptimismPortal(portal).relayTransaction{value: excess}(
            from, to, excess, REFUND_GAS_LIMIT, ""
        );
    }

    /// @inheritdoc IZkBridgehub
    function proveMessageRoot(
        uint256 l2OutputIndex,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external override {
        IL2OutputOracle oracle = l2Oracle();
        bytes32 root = FinalState.read(
            oracle, l2OutputIndex, L2Messages.L1_MESSENGER, ROOT_SLOT, accountProof, storageProof
        );
        uint256 number = oracle.output(l2OutputIndex).l2BlockNumber;
        if (number <= _lastBlock) revert OutputNotNewer(number, _lastBlock);
        if (root == 0) revert NoMessages(l2OutputIndex);
        (_lastBlock, lastBatchNumber, lastMessageRoot) = (number, l2OutputIndex, root);
        messageRootOf[l2OutputIndex] = root;
        emit MessageRootProven(l2OutputIndex, number, root);
    }

    /// @inheritdoc IZkBridgehub
    function getZKChain(uint256 chainId)
        external
        view
        override
        onlyOwnChain(chainId)
        returns (address)
    {
        return address(this);
    }

    /// @inheritdoc IZkBridgehub
    function baseToken(uint256 chainId)
        external
        view
        override
        onlyOwnChain(chainId)
        returns (address token)
    {
        (token,) = IOptimismPortal(portal).gasPayingToken();
        if (token == GasTokens.ETHER) return ETH_TOKEN;
    }

    /// @inheritdoc IZkBridgehub
    function l2TransactionBaseCost(uint256 chainId, uint256, uint256, uint256)
        external
        view
        override
        onlyOwnChain(chainId)
        returns (uint256)
    {
        return 0;
    }

    /// @inheritdoc IZkBridgehub
    function proveL2MessageInclusion(
        uint256 chainId,
        uint256 batchNumber,
        uint256 index,
        L2Message calldata message,
        bytes32[] calldata proof
    ) external view override onlyOwnChain(chainId) returns (bool) {
        return proveL2MessageInclusion(batchNumber, index, message, proof);
    }

    /// @inheritdoc IZkBridgehub
    function l2Oracle() public view override returns (IL2OutputOracle) {
        return IL2OutputOracle(IOptimismPortal(portal).l2Oracle());
    }

    /// @inheritdoc IZkBridgehub
    function proveL2MessageInclusion(
        uint256 batchNumber,
        uint256 index,
        L2Message calldata message,
        bytes32[] calldata proof
    ) public view override returns (bool) {
        bytes32 root = messageRootOf[batchNumber];
        if (root == 0) revert BatchUnknown(batchNumber);
        if (proof.length != MerkleTree.DEPTH || index >> MerkleTree.DEPTH != 0) return false;
        bytes32 node =
            L2Messages.leafOf(message.txNumberInBatch, message.sender, keccak256(message.data));
        for (uint256 height = 0; height < MerkleTree.DEPTH; ++height) {
            node = index >> height & 1 == 1
                ? MerkleTree.hashPair(proof[height], node)
                : MerkleTree.hashPair(node, proof[height]);
        }
        return node == root;
    }

    function _refundTo(address recipient, address from) private view returns (address) {
        if (recipient == address(0)) return from;
        return recipient.code.length == 0 ? recipient : Callers.aliased(recipient);
    }
}
