// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title IStandardBridge
/// @notice Moves coins and ERC-20 tokens between the L1 and one rollup (OP Stack specifications,
/// "Standard Bridges"): one of a pair, each of which knows the other. A token is locked where it is at
/// home; where it is not, an {IOptimismMintableERC20} is minted and burnt.
/// @dev What arrives is what was sent, to the last unit: tokens that take a fee out of transfers are
/// refused. Coins cross here only where the rollup's coin is ether: where it is a token of the L1 the
/// messengers refuse them (`NoValueWithGasToken`), and they go by the portal.
interface IStandardBridge {
    /// @notice Emitted when coins set out.
    event ETHBridgeInitiated(
        address indexed from, address indexed to, uint256 amount, bytes extraData
    );

    /// @notice Emitted when coins arrive.
    event ETHBridgeFinalized(
        address indexed from, address indexed to, uint256 amount, bytes extraData
    );

    /// @notice Emitted when tokens set out.
    event ERC20BridgeInitiated(
        address indexed localToken,
        address indexed remoteToken,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );

    /// @notice Emitted when tokens arrive.
    event ERC20BridgeFinalized(
        address indexed localToken,
        address indexed remoteToken,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );

    /// @notice Thrown when a contract uses a call that sends to the caller's own address: on the other
    /// chain it may be somebody else's.
    error NotAnAccount(address caller);

    /// @notice Thrown when anybody but the other bridge, through the messengers, makes something arrive.
    error NotOtherBridge(address caller);

    /// @notice Thrown when coins come with another amount than is said.
    error WrongValue(uint256 given, uint256 expected);

    /// @notice Thrown when coins can't be paid to `to`.
    error PaymentFailed(address to, uint256 amount);

    /// @notice Thrown when a mintable token does not stand for the other token.
    error WrongTokenPair(address localToken, address remoteToken, address stoodFor);

    /// @notice Thrown when `localToken` is no contract.
    error NoToken(address localToken);

    /// @notice Thrown when a transfer moved another amount than it should.
    error InexactTransfer(address token, uint256 moved, uint256 expected);

    /// @notice Thrown when more tokens arrive than were locked here for that pair.
    error EscrowTooSmall(address localToken, address remoteToken, uint256 wanted, uint256 held);

    /// @notice Sends the coins that come with the call to the caller's own address.
    /// @param minGasLimit Gas for what arriving does, on the other chain.
    /// @param extraData Passed on, for events alone.
    function bridgeETH(uint32 minGasLimit, bytes calldata extraData) external payable;

    /// @notice Sends the coins that come with the call.
    function bridgeETHTo(address to, uint32 minGasLimit, bytes calldata extraData) external payable;

    /// @notice Sends tokens, which the caller has approved, to the caller's own address.
    function bridgeERC20(
        address localToken,
        address remoteToken,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external;

    /// @notice Sends tokens, which the caller has approved.
    function bridgeERC20To(
        address localToken,
        address remoteToken,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external;

    /// @notice Coins that the other bridge sent.
    function finalizeBridgeETH(address from, address to, uint256 amount, bytes calldata extraData)
        external
        payable;

    /// @notice Tokens that the other bridge sent. `localToken` is of the chain of this call.
    function finalizeBridgeERC20(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes calldata extraData
    ) external;

    /// @notice Units of `localToken` locked here that stand as `remoteToken` on the other chain.
    function deposits(address localToken, address remoteToken) external view returns (uint256);

    /// @notice Whether nothing is bridged: never, for nobody can pause it.
    function paused() external pure returns (bool);

    /// @notice The messenger of this chain.
    function messenger() external view returns (address);

    /// @notice The bridge of the other chain.
    function otherBridge() external view returns (address);
}
