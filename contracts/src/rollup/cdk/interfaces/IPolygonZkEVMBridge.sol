// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IExitRoots} from "./IExitRoots.sol";

/// @title IPolygonZkEVMBridge
/// @notice One end of the bridge between the L1 (network 0) and one rollup (network 1), by the ABI of
/// Polygon's `PolygonZkEVMBridgeV2`. What leaves a chain is a leaf of its exit tree; on the other chain
/// anybody claims it, once, by Merkle proof against a global exit root that is known there.
/// @dev Each rollup has a pair of its own, so no other network can be reached. Coins that go to the
/// rollup are locked on the L1, and on the rollup handed out of what its genesis gave the bridge; home
/// go as many as were handed out. There is no emergency state.
interface IPolygonZkEVMBridge {
    /// @notice What leaves a chain.
    /// @param leafType 0 an asset, 1 a message.
    /// @param originNetwork Where the asset is at home, or the message's sender.
    /// @param originAddress The asset there, zero for coins; or the message's sender.
    /// @param amount Units of the asset; or wei that the message carries.
    /// @param metadata ABI encoding of a token's name, symbol and decimals; or the message.
    struct Leaf {
        uint8 leafType;
        uint32 originNetwork;
        address originAddress;
        uint32 destinationNetwork;
        address destinationAddress;
        uint256 amount;
        bytes metadata;
    }

    /// @notice Emitted for each leaf; its position in the tree is `depositCount`.
    event BridgeEvent(
        uint8 leafType,
        uint32 originNetwork,
        address originAddress,
        uint32 destinationNetwork,
        address destinationAddress,
        uint256 amount,
        bytes metadata,
        uint32 depositCount
    );

    /// @notice Emitted when a leaf of the other chain's is claimed.
    event ClaimEvent(
        uint256 globalIndex,
        uint32 originNetwork,
        address originAddress,
        address destinationAddress,
        uint256 amount
    );

    /// @notice Emitted when a token of the other chain's arrives for the first time.
    event NewWrappedToken(
        uint32 originNetwork,
        address originTokenAddress,
        address wrappedTokenAddress,
        bytes metadata
    );

    /// @notice Thrown for a network that is not the other one, or a claim of what goes elsewhere.
    error DestinationNetworkInvalid();
    /// @notice Thrown when the amount of coins is not what was sent.
    error AmountDoesNotMatchMsgValue();
    /// @notice Thrown when coins are sent along with a token.
    error MsgValueNotZero();
    /// @notice Thrown when the receiver of claimed coins does not take them.
    error EtherTransferFailed();
    /// @notice Thrown when the receiver of a message does not take it.
    error MessageFailed();
    /// @notice Thrown when the two exit roots were never together known here.
    error GlobalExitRootInvalid();
    /// @notice Thrown when the nodes do not lead from the leaf to the exit root.
    error InvalidSmtProof();
    /// @notice Thrown when a leaf is claimed a second time.
    error AlreadyClaimed();
    /// @notice Thrown when a permit is not the caller's.
    error NotValidOwner();
    /// @notice Thrown when a permit is for somebody else than the bridge.
    error NotValidSpender();
    /// @notice Thrown when a permit is for another amount.
    error NotValidAmount();
    /// @notice Thrown when what should be a permit is none.
    error NotValidSignature();
    /// @notice Thrown for what only a bridge with a gas token does.
    error NativeTokenIsEther();
    /// @notice Thrown for coins or their token where the rollup's coin is a token of the L1.
    error NotOnGasTokenNetworks();
    /// @notice Thrown when a wrapped token can't be made.
    error FailedTokenWrappedDeployment();
    /// @notice Thrown when more is to leave, or to be claimed, than this bridge has taken.
    /// @param token Zero for coins.
    error EscrowTooSmall(address token, uint256 wanted, uint256 held);

    /// @notice 0 on the L1, 1 on the rollup.
    function networkID() external view returns (uint32);

    /// @notice Knows the exit roots.
    function globalExitRootManager() external view returns (IExitRoots);

    /// @notice Leaves of the exit tree.
    function depositCount() external view returns (uint256);

    /// @notice Leaves of the exit tree of which the exit roots' manager knows.
    function lastUpdatedDepositCount() external view returns (uint32);

    /// @notice Root of the exit tree.
    function getRoot() external view returns (bytes32);

    /// @notice Units of an asset that are locked for the other chain. For coins (zero) wei that are
    /// locked on the L1 for what is on the rollup, on both ends.
    function escrowed(address token) external view returns (uint256);

    /// @notice What stands for a token of the other chain's here, by keccak(originNetwork, address).
    function tokenInfoToWrappedToken(bytes32 tokenInfo) external view returns (address);

    /// @notice What a wrapped token stands for.
    function wrappedTokenToTokenInfo(address wrappedToken)
        external
        view
        returns (uint32 originNetwork, address originTokenAddress);

    /// @notice What stands for a token of the other chain's here; zero when none came yet.
    function getTokenWrappedAddress(uint32 originNetwork, address originTokenAddress)
        external
        view
        returns (address);

    /// @notice Where a wrapped token will be.
    function precalculatedWrapperAddress(
        uint32 originNetwork,
        address originTokenAddress,
        string memory name,
        string memory symbol,
        uint8 decimals
    ) external view returns (address);

    /// @notice Where the wrapped token of `token`, a token of this chain, would be.
    function calculateTokenWrapperAddress(
        uint32 originNetwork,
        address originTokenAddress,
        address token
    ) external view returns (address);

    /// @notice ABI encoding of a token's name, symbol and decimals.
    function getTokenMetadata(address token) external view returns (bytes memory);

    /// @notice Whether the leaf at `leafIndex` of `sourceBridgeNetwork`'s exit tree was claimed here.
    function isClaimed(uint32 leafIndex, uint32 sourceBridgeNetwork) external view returns (bool);

    /// @notice What a leaf is in the tree.
    function getLeafValue(
        uint8 leafType,
        uint32 originNetwork,
        address originAddress,
        uint32 destinationNetwork,
        address destinationAddress,
        uint256 amount,
        bytes32 metadataHash
    ) external pure returns (bytes32);

    /// @notice Root to which `smtProof` leads from the leaf at `index`.
    function calculateRoot(bytes32 leafHash, bytes32[32] calldata smtProof, uint32 index)
        external
        pure
        returns (bytes32);

    /// @notice Whether it leads to `root`.
    function verifyMerkleProof(
        bytes32 leafHash,
        bytes32[32] calldata smtProof,
        uint32 index,
        bytes32 root
    ) external pure returns (bool);

    /// @notice Sends coins (`token` zero) or tokens to the other chain.
    /// @param amount What the caller gives; of a token that takes a fee less arrives.
    /// @param forceUpdateGlobalExitRoot Whether the exit root's manager is told at once.
    /// @param permitData A call of the token's `permit`, or nothing.
    function bridgeAsset(
        uint32 destinationNetwork,
        address destinationAddress,
        uint256 amount,
        address token,
        bool forceUpdateGlobalExitRoot,
        bytes calldata permitData
    ) external payable;

    /// @notice Sends a message to the other chain, with the call's coins.
    function bridgeMessage(
        uint32 destinationNetwork,
        address destinationAddress,
        bool forceUpdateGlobalExitRoot,
        bytes calldata metadata
    ) external payable;

    /// @notice Always refused, as on Polygon where the rollup's coin is ether.
    function bridgeMessageWETH(
        uint32 destinationNetwork,
        address destinationAddress,
        uint256 amountWETH,
        bool forceUpdateGlobalExitRoot,
        bytes calldata metadata
    ) external;

    /// @notice Zero: this bridge takes no other coin than ether.
    function gasTokenAddress() external view returns (address);

    /// @notice 0.
    function gasTokenNetwork() external view returns (uint32);

    /// @notice Nothing.
    function gasTokenMetadata() external view returns (bytes memory);

    /// @notice Zero: there is none where the coin is ether.
    // forge-lint: disable-next-line(mixed-case-function)
    function WETHToken() external view returns (address);

    /// @notice False: nobody can stop the bridge.
    function isEmergencyState() external view returns (bool);

    /// @notice Zero: there is none.
    function polygonRollupManager() external view returns (address);

    /// @notice Tells the exit root's manager of what it does not know yet: anybody may.
    function updateGlobalExitRoot() external;

    /// @notice Pays out an asset that left the other chain: anybody may, once.
    /// @param smtProofLocalExitRoot From the leaf to the root of the other chain's exit tree.
    /// @param smtProofRollupExitRoot From there to the root of the rollups' tree; not used for
    /// what comes from the L1.
    /// @param globalIndex 2⁶⁴ for what comes from the L1, else 2³² times the rollup's index, which is 0
    /// here; plus the leaf's position.
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
    ) external;

    /// @notice Delivers a message that left the other chain: anybody may, once it is taken.
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
    ) external;
}
