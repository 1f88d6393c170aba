// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {MerkleTree} from "../../metalayer/libs/MerkleTree.sol";
import {TokenWrapped} from "./TokenWrapped.sol";
import {IBridgeMessageReceiver} from "./interfaces/IBridgeMessageReceiver.sol";
import {IExitRoots} from "./interfaces/IExitRoots.sol";
import {IPolygonZkEVMBridge} from "./interfaces/IPolygonZkEVMBridge.sol";
import {ExitTree} from "./libs/ExitTree.sol";
import {TokenMetadata} from "./libs/TokenMetadata.sol";

/// @title PolygonZkEVMBridge
/// @notice Implements {IPolygonZkEVMBridge} but for which end it is, and where coins come from.
abstract contract PolygonZkEVMBridge is IPolygonZkEVMBridge, ReentrancyGuardTransient {
    using MerkleTree for MerkleTree.Tree;
    using SafeERC20 for IERC20;

    uint8 private constant LEAF_ASSET = 0;
    uint8 private constant LEAF_MESSAGE = 1;
    uint256 private constant MAINNET_FLAG = 1 << 64;
    /// @dev `permit` of DAI, from before ERC-2612.
    bytes4 private constant DAI_PERMIT = 0x8fcbaf0c;
    uint256 private constant PERMIT_SIZE = 4 + 7 * 32;

    struct TokenInformation {
        uint32 originNetwork;
        address originTokenAddress;
    }

    MerkleTree.Tree private _tree;
    bytes32 private _root;
    /// @inheritdoc IPolygonZkEVMBridge
    uint32 public override lastUpdatedDepositCount;
    /// @notice Which leaves were claimed, a bit for each: its position, plus 2³² times its network.
    mapping(uint256 word => uint256) public claimedBitMap;
    /// @inheritdoc IPolygonZkEVMBridge
    mapping(bytes32 tokenInfo => address) public override tokenInfoToWrappedToken;
    /// @inheritdoc IPolygonZkEVMBridge
    mapping(address wrappedToken => TokenInformation) public override wrappedTokenToTokenInfo;
    /// @inheritdoc IPolygonZkEVMBridge
    mapping(address token => uint256) public override escrowed;

    /// @inheritdoc IPolygonZkEVMBridge
    function bridgeAsset(
        uint32 destinationNetwork,
        address destinationAddress,
        uint256 amount,
        address token,
        bool forceUpdateGlobalExitRoot,
        bytes calldata permitData
    ) external payable override nonReentrant {
        Leaf memory leaf;
        leaf.leafType = LEAF_ASSET;
        leaf.destinationNetwork = destinationNetwork;
        leaf.destinationAddress = destinationAddress;
        leaf.amount = amount;
        if (token == address(0)) {
            if (msg.value != amount) revert AmountDoesNotMatchMsgValue();
            _takeCoins(amount);
        } else {
            if (msg.value != 0) revert MsgValueNotZero();
            _takeTokens(leaf, token, permitData);
        }
        _depart(leaf, forceUpdateGlobalExitRoot);
    }

    /// @inheritdoc IPolygonZkEVMBridge
    function bridgeMessage(
        uint32 destinationNetwork,
        address destinationAddress,
        bool forceUpdateGlobalExitRoot,
        bytes calldata metadata
    ) external payable override {
        if (msg.value != 0) _takeCoins(msg.value);
        Leaf memory leaf = Leaf(
            LEAF_MESSAGE,
            networkID(),
            msg.sender,
            destinationNetwork,
            destinationAddress,
            msg.value,
            metadata
        );
        _depart(leaf, forceUpdateGlobalExitRoot);
    }

    /// @inheritdoc IPolygonZkEVMBridge
    function updateGlobalExitRoot() external override {
        if (lastUpdatedDepositCount < _tree.count) _tellRoot();
    }

    /// @inheritdoc IPolygonZkEVMBridge
    function claimAsset(
        bytes32[32] calldata smtProofLocalExitRoot,
        bytes32[32] calldata smtProofRollupExitRoot,
        uint256 globalIndex,
        bytes32 mainnetExitRoot,
        bytes32 rollupExitRoot,
        uint32 originNetwork,
        address originTokenAddress,
        uint32 destinationNetwork,
        address destinationAddress,
        uint256 amount,
        bytes calldata metadata
    ) external override {
        Leaf memory leaf = Leaf(
            LEAF_ASSET,
            originNetwork,
            originTokenAddress,
            destinationNetwork,
            destinationAddress,
            amount,
            metadata
        );
        _claim(
            smtProofLocalExitRoot,
            smtProofRollupExitRoot,
            globalIndex,
            mainnetExitRoot,
            rollupExitRoot,
            leaf
        );
        _give(leaf);
    }

    /// @inheritdoc IPolygonZkEVMBridge
    function claimMessage(
        bytes32[32] calldata smtProofLocalExitRoot,
        bytes32[32] calldata smtProofRollupExitRoot,
        uint256 globalIndex,
        bytes32 mainnetExitRoot,
        bytes32 rollupExitRoot,
        uint32 originNetwork,
        address originAddress,
        uint32 destinationNetwork,
        address destinationAddress,
        uint256 amount,
        bytes calldata metadata
    ) external override {
        Leaf memory leaf = Leaf(
            LEAF_MESSAGE,
            originNetwork,
            originAddress,
            destinationNetwork,
            destinationAddress,
            amount,
            metadata
        );
        _claim(
            smtProofLocalExitRoot,
            smtProofRollupExitRoot,
            globalIndex,
            mainnetExitRoot,
            rollupExitRoot,
            leaf
        );
        _deliver(leaf);
    }

    /// @inheritdoc IPolygonZkEVMBridge
    function bridgeMessageWETH(uint32, address, uint256, bool, bytes calldata)
        external
        pure
        override
    {
        revert NativeTokenIsEther();
    }

    /// @inheritdoc IPolygonZkEVMBridge
    function gasTokenAddress() external pure override returns (address) {
        return address(0);
    }

    /// @inheritdoc IPolygonZkEVMBridge
    function gasTokenNetwork() external pure override returns (uint32) {
        return 0;
    }

    /// @inheritdoc IPolygonZkEVMBridge
    function gasTokenMetadata() external pure override returns (bytes memory) {
        return "";
    }

    /// @inheritdoc IPolygonZkEVMBridge
    function WETHToken() external pure override returns (address) {
        return address(0);
    }

    /// @inheritdoc IPolygonZkEVMBridge
    function isEmergencyState() external pure override returns (bool) {
        return false;
    }

    /// @inheritdoc IPolygonZkEVMBridge
    function polygonRollupManager() external pure override returns (address) {
        return address(0);
    }

    /// @notice The code that makes wrapped tokens, without the constructor's arguments.
    // forge-lint: disable-next-line(mixed-case-function)
    function BASE_INIT_BYTECODE_WRAPPED_TOKEN() external pure returns (bytes memory) {
        return type(TokenWrapped).creationCode;
    }

    /// @inheritdoc IPolygonZkEVMBridge
    function depositCount() external view override returns (uint256) {
        return _tree.count;
    }

    /// @inheritdoc IPolygonZkEVMBridge
    function getTokenWrappedAddress(uint32 originNetwork, address originTokenAddress)
        external
        view
        override
        returns (address)
    {
        return tokenInfoToWrappedToken[_tokenInfo(originNetwork, originTokenAddress)];
    }

    /// @inheritdoc IPolygonZkEVMBridge
    function calculateTokenWrapperAddress(
        uint32 originNetwork,
        address originTokenAddress,
        address token
    ) external view override returns (address) {
        return _wrapperAt(originNetwork, originTokenAddress, TokenMetadata.encode(token));
    }

    /// @inheritdoc IPolygonZkEVMBridge
    function precalculatedWrapperAddress(
        uint32 originNetwork,
        address originTokenAddress,
        string memory name,
        string memory symbol,
        uint8 decimals
    ) external view override returns (address) {
        return _wrapperAt(originNetwork, originTokenAddress, abi.encode(name, symbol, decimals));
    }

    /// @inheritdoc IPolygonZkEVMBridge
    function getTokenMetadata(address token) external view override returns (bytes memory) {
        return TokenMetadata.encode(token);
    }

    /// @inheritdoc IPolygonZkEVMBridge
    function isClaimed(uint32 leafIndex, uint32 sourceBridgeNetwork)
        external
        view
        override
        returns (bool)
    {
        (uint256 word, uint256 mask) = _bit(leafIndex, sourceBridgeNetwork);
        return claimedBitMap[word] & mask != 0;
    }

    /// @inheritdoc IPolygonZkEVMBridge
    function verifyMerkleProof(
        bytes32 leafHash,
        bytes32[32] calldata smtProof,
        uint32 index,
        bytes32 root
    ) external pure override returns (bool) {
        return ExitTree.rootOf(leafHash, smtProof, index) == root;
    }

    /// @inheritdoc IPolygonZkEVMBridge
    function calculateRoot(bytes32 leafHash, bytes32[32] calldata smtProof, uint32 index)
        external
        pure
        override
        returns (bytes32)
    {
        return ExitTree.rootOf(leafHash, smtProof, index);
    }

    /// @inheritdoc IPolygonZkEVMBridge
    function getRoot() public view override returns (bytes32) {
        return _tree.count == 0 ? MerkleTree.EMPTY_ROOT : _root;
    }

    /// @inheritdoc IPolygonZkEVMBridge
    function getLeafValue(
        uint8 leafType,
        uint32 originNetwork,
        address originAddress,
        uint32 destinationNetwork,
        address destinationAddress,
        uint256 amount,
        bytes32 metadataHash
    ) public pure override returns (bytes32) {
        return keccak256(
            abi.encodePacked(
                leafType,
                originNetwork,
                originAddress,
                destinationNetwork,
                destinationAddress,
                amount,
                metadataHash
            )
        );
    }

    /// @inheritdoc IPolygonZkEVMBridge
    function networkID() public view virtual override returns (uint32);

    /// @inheritdoc IPolygonZkEVMBridge
    function globalExitRootManager() public view virtual override returns (IExitRoots);

    /// @dev Counts coins that leave, or refuses them.
    function _takeCoins(uint256 amount) internal virtual;

    /// @dev Counts coins that arrive, or refuses them.
    function _giveCoins(uint256 amount) internal virtual;

    /// @dev Refuses tokens that have another way.
    function _checkToken(address token) internal view virtual;

    function _lower(address token, uint256 amount) internal {
        uint256 held = escrowed[token];
        if (amount > held) revert EscrowTooSmall(token, amount, held);
        escrowed[token] = held - amount;
    }

    function _takeTokens(Leaf memory leaf, address token, bytes calldata permitData) private {
        leaf.metadata = TokenMetadata.encode(token);
        TokenInformation memory info = wrappedTokenToTokenInfo[token];
        if (info.originTokenAddress != address(0)) {
            (leaf.originNetwork, leaf.originAddress) = (info.originNetwork, info.originTokenAddress);
            TokenWrapped(token).burn(msg.sender, leaf.amount);
            return;
        }
        _checkToken(token);
        if (permitData.length != 0) _permit(token, leaf.amount, permitData);
        // what a token takes for itself has not arrived
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), leaf.amount);
        leaf.amount = IERC20(token).balanceOf(address(this)) - before;
        (leaf.originNetwork, leaf.originAddress) = (networkID(), token);
        escrowed[token] += leaf.amount;
    }

    function _depart(Leaf memory leaf, bool forceUpdateGlobalExitRoot) private {
        if (leaf.destinationNetwork != 1 - networkID()) revert DestinationNetworkInvalid();
        emit BridgeEvent(
            leaf.leafType,
            leaf.originNetwork,
            leaf.originAddress,
            leaf.destinationNetwork,
            leaf.destinationAddress,
            leaf.amount,
            leaf.metadata,
            uint32(_tree.count)
        );
        _root = _tree.insert(_hash(leaf));
        if (forceUpdateGlobalExitRoot) _tellRoot();
    }

    function _tellRoot() private {
        lastUpdatedDepositCount = uint32(_tree.count);
        globalExitRootManager().updateExitRoot(getRoot());
    }

    /// @dev Checks that the leaf left the other chain, and marks it. While a token is being taken nothing
    /// is given, which would count as less taken.
    function _claim(
        bytes32[32] calldata smtProofLocalExitRoot,
        bytes32[32] calldata smtProofRollupExitRoot,
        uint256 globalIndex,
        bytes32 mainnetExitRoot,
        bytes32 rollupExitRoot,
        Leaf memory leaf
    ) private {
        if (_reentrancyGuardEntered()) {
            revert ReentrancyGuardReentrantCall();
        }
        if (leaf.destinationNetwork != networkID()) revert DestinationNetworkInvalid();
        bytes32 global = MerkleTree.hashPair(mainnetExitRoot, rollupExitRoot);
        if (globalExitRootManager().globalExitRootMap(global) == 0) revert GlobalExitRootInvalid();

        uint32 leafIndex = uint32(globalIndex);
        bytes32 root = ExitTree.rootOf(_hash(leaf), smtProofLocalExitRoot, leafIndex);
        uint32 source;
        if (globalIndex & MAINNET_FLAG != 0) {
            if (root != mainnetExitRoot) revert InvalidSmtProof();
        } else {
            uint32 rollup = uint32(globalIndex >> 32);
            root = ExitTree.rootOf(root, smtProofRollupExitRoot, rollup);
            if (root != rollupExitRoot) revert InvalidSmtProof();
            source = rollup + 1;
        }
        (uint256 word, uint256 mask) = _bit(leafIndex, source);
        if (claimedBitMap[word] & mask != 0) revert AlreadyClaimed();
        claimedBitMap[word] |= mask;
        emit ClaimEvent(
            globalIndex,
            leaf.originNetwork,
            leaf.originAddress,
            leaf.destinationAddress,
            leaf.amount
        );
    }

    function _give(Leaf memory leaf) private {
        if (leaf.originNetwork == 0 && leaf.originAddress == address(0)) {
            _giveCoins(leaf.amount);
            (bool success,) = leaf.destinationAddress.call{value: leaf.amount}("");
            if (!success) revert EtherTransferFailed();
        } else if (leaf.originNetwork == networkID()) {
            _lower(leaf.originAddress, leaf.amount);
            IERC20(leaf.originAddress).safeTransfer(leaf.destinationAddress, leaf.amount);
        } else {
            TokenWrapped(_wrapped(leaf)).mint(leaf.destinationAddress, leaf.amount);
        }
    }

    function _deliver(Leaf memory leaf) private {
        if (leaf.amount != 0) _giveCoins(leaf.amount);
        bytes memory call = abi.encodeCall(
            IBridgeMessageReceiver.onMessageReceived,
            (leaf.originAddress, leaf.originNetwork, leaf.metadata)
        );
        (bool success,) = leaf.destinationAddress.call{value: leaf.amount}(call);
        if (!success) revert MessageFailed();
    }

    /// @dev What stands for the leaf's token here: made when it is the first.
    function _wrapped(Leaf memory leaf) private returns (address wrapped) {
        bytes32 info = _tokenInfo(leaf.originNetwork, leaf.originAddress);
        wrapped = tokenInfoToWrappedToken[info];
        if (wrapped != address(0)) return wrapped;
        bytes memory code = abi.encodePacked(type(TokenWrapped).creationCode, leaf.metadata);
        assembly ("memory-safe") {
            wrapped := create2(0, add(code, 32), mload(code), info)
        }
        if (wrapped == address(0)) revert FailedTokenWrappedDeployment();
        tokenInfoToWrappedToken[info] = wrapped;
        wrappedTokenToTokenInfo[wrapped] = TokenInformation(leaf.originNetwork, leaf.originAddress);
        emit NewWrappedToken(leaf.originNetwork, leaf.originAddress, wrapped, leaf.metadata);
    }

    /// @dev Whether it works the transfer tells: somebody else may have used the permit before.
    function _permit(address token, uint256 amount, bytes calldata permitData) private {
        if (permitData.length < PERMIT_SIZE) revert NotValidSignature();
        (address owner, address spender, uint256 value) =
            abi.decode(permitData[4:], (address, address, uint256));
        bytes4 kind = bytes4(permitData);
        if (kind != IERC20Permit.permit.selector && kind != DAI_PERMIT) revert NotValidSignature();
        if (owner != msg.sender) revert NotValidOwner();
        if (spender != address(this)) revert NotValidSpender();
        if (kind != DAI_PERMIT && value != amount) revert NotValidAmount();
        (bool success,) = token.call(permitData);
        success;
    }

    function _wrapperAt(uint32 originNetwork, address originToken, bytes memory metadata)
        private
        view
        returns (address)
    {
        bytes memory code = abi.encodePacked(type(TokenWrapped).creationCode, metadata);
        return Create2.computeAddress(_tokenInfo(originNetwork, originToken), keccak256(code));
    }

    function _hash(Leaf memory leaf) private pure returns (bytes32) {
        return getLeafValue(
            leaf.leafType,
            leaf.originNetwork,
            leaf.originAddress,
            leaf.destinationNetwork,
            leaf.destinationAddress,
            leaf.amount,
            keccak256(leaf.metadata)
        );
    }

    function _tokenInfo(uint32 originNetwork, address originToken) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(originNetwork, originToken));
    }

    function _bit(uint32 leafIndex, uint32 network)
        private
        pure
        returns (uint256 word, uint256 mask)
    {
        uint256 index = (uint256(network) << 32) + leafIndex;
        return (index >> 8, 1 << (index & 0xff));
    }
}
