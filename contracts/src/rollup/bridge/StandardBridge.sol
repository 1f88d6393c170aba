// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ERC165Checker} from "@openzeppelin/contracts/utils/introspection/ERC165Checker.sol";
import {Callers} from "../libs/Callers.sol";
import {ICrossDomainMessenger} from "./interfaces/ICrossDomainMessenger.sol";
import {IOptimismMintableERC20} from "./interfaces/IOptimismMintableERC20.sol";
import {IStandardBridge} from "./interfaces/IStandardBridge.sol";

/// @title StandardBridge
/// @notice Implements {IStandardBridge} but for where the other bridge is.
abstract contract StandardBridge is IStandardBridge {
    using SafeERC20 for IERC20;

    /// @notice Gas for what arriving does, where the caller says none.
    uint32 public constant RECEIVE_DEFAULT_GAS_LIMIT = 200_000;

    /// @inheritdoc IStandardBridge
    mapping(address localToken => mapping(address remoteToken => uint256)) public override deposits;

    modifier onlyAccount() {
        if (!Callers.isAccount(msg.sender)) revert NotAnAccount(msg.sender);
        _;
    }

    modifier onlyOtherBridge() {
        ICrossDomainMessenger messenger_ = ICrossDomainMessenger(messenger());
        if (msg.sender != address(messenger_) || messenger_.xDomainMessageSender() != otherBridge())
        {
            revert NotOtherBridge(msg.sender);
        }
        _;
    }

    /// @notice Coins sent here go to the sender's own address on the other chain.
    receive() external payable onlyAccount {
        _sendETH(msg.sender, msg.sender, msg.value, RECEIVE_DEFAULT_GAS_LIMIT, "");
    }

    /// @inheritdoc IStandardBridge
    function bridgeETH(uint32 minGasLimit, bytes calldata extraData)
        external
        payable
        override
        onlyAccount
    {
        _sendETH(msg.sender, msg.sender, msg.value, minGasLimit, extraData);
    }

    /// @inheritdoc IStandardBridge
    function bridgeETHTo(address to, uint32 minGasLimit, bytes calldata extraData)
        external
        payable
        override
    {
        _sendETH(msg.sender, to, msg.value, minGasLimit, extraData);
    }

    /// @inheritdoc IStandardBridge
    function bridgeERC20(
        address localToken,
        address remoteToken,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external override onlyAccount {
        _sendERC20(localToken, remoteToken, msg.sender, amount, minGasLimit, extraData);
    }

    /// @inheritdoc IStandardBridge
    function bridgeERC20To(
        address localToken,
        address remoteToken,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external override {
        _sendERC20(localToken, remoteToken, to, amount, minGasLimit, extraData);
    }

    /// @inheritdoc IStandardBridge
    function finalizeBridgeETH(address from, address to, uint256 amount, bytes calldata extraData)
        external
        payable
        override
        onlyOtherBridge
    {
        if (msg.value != amount) revert WrongValue(msg.value, amount);
        // coins for these would come back as a message, or be nobody's
        if (to == address(this) || to == messenger()) revert PaymentFailed(to, amount);
        _emitETHFinalized(from, to, amount, extraData);
        (bool success,) = to.call{value: amount}("");
        if (!success) revert PaymentFailed(to, amount);
    }

    /// @inheritdoc IStandardBridge
    function finalizeBridgeERC20(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes calldata extraData
    ) external override onlyOtherBridge {
        if (localToken.code.length == 0) revert NoToken(localToken);
        if (_isMintable(localToken)) {
            _checkPair(localToken, remoteToken);
            IOptimismMintableERC20(localToken).mint(to, amount);
        } else {
            uint256 held = deposits[localToken][remoteToken];
            if (amount > held) revert EscrowTooSmall(localToken, remoteToken, amount, held);
            deposits[localToken][remoteToken] = held - amount;
            IERC20(localToken).safeTransfer(to, amount);
        }
        _emitERC20Finalized(localToken, remoteToken, from, to, amount, extraData);
    }

    /// @notice The OP Stack's older name of {messenger}.
    // forge-lint: disable-next-line(mixed-case-function)
    function MESSENGER() external view returns (address) {
        return messenger();
    }

    /// @notice The OP Stack's older name of {otherBridge}.
    // forge-lint: disable-next-line(mixed-case-function)
    function OTHER_BRIDGE() external view returns (address) {
        return otherBridge();
    }

    /// @inheritdoc IStandardBridge
    function paused() external pure override returns (bool) {
        return false;
    }

    /// @inheritdoc IStandardBridge
    function messenger() public view virtual override returns (address);

    /// @inheritdoc IStandardBridge
    function otherBridge() public view virtual override returns (address);

    function _sendETH(
        address from,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes memory extraData
    ) internal {
        if (msg.value != amount) revert WrongValue(msg.value, amount);
        _emitETHInitiated(from, to, amount, extraData);
        ICrossDomainMessenger(messenger()).sendMessage{value: amount}(
            otherBridge(),
            abi.encodeCall(IStandardBridge.finalizeBridgeETH, (from, to, amount, extraData)),
            minGasLimit
        );
    }

    function _sendERC20(
        address localToken,
        address remoteToken,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes memory extraData
    ) internal {
        if (localToken.code.length == 0) revert NoToken(localToken);
        if (_isMintable(localToken)) {
            _checkPair(localToken, remoteToken);
            IOptimismMintableERC20(localToken).burn(msg.sender, amount);
        } else {
            _lock(localToken, remoteToken, amount);
        }
        _emitERC20Initiated(localToken, remoteToken, msg.sender, to, amount, extraData);
        ICrossDomainMessenger(messenger())
            .sendMessage(
                otherBridge(),
                abi.encodeCall(
                    IStandardBridge.finalizeBridgeERC20,
                    (remoteToken, localToken, msg.sender, to, amount, extraData)
                ),
                minGasLimit
            );
    }

    function _emitETHInitiated(address from, address to, uint256 amount, bytes memory extraData)
        internal
        virtual
    {
        emit ETHBridgeInitiated(from, to, amount, extraData);
    }

    function _emitETHFinalized(address from, address to, uint256 amount, bytes memory extraData)
        internal
        virtual
    {
        emit ETHBridgeFinalized(from, to, amount, extraData);
    }

    function _emitERC20Initiated(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes memory extraData
    ) internal virtual {
        emit ERC20BridgeInitiated(localToken, remoteToken, from, to, amount, extraData);
    }

    function _emitERC20Finalized(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes memory extraData
    ) internal virtual {
        emit ERC20BridgeFinalized(localToken, remoteToken, from, to, amount, extraData);
    }

    /// @dev The token could call back while it is moved. What it then locks is counted twice in the
    /// balance, so one of the two finds that too much came, and reverts.
    function _lock(address localToken, address remoteToken, uint256 amount) private {
        deposits[localToken][remoteToken] += amount;
        IERC20 token = IERC20(localToken);
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 moved = token.balanceOf(address(this)) - before;
        if (moved != amount) revert InexactTransfer(localToken, moved, amount);
    }

    function _checkPair(address localToken, address remoteToken) private view {
        address stoodFor = IOptimismMintableERC20(localToken).remoteToken();
        if (stoodFor != remoteToken) revert WrongTokenPair(localToken, remoteToken, stoodFor);
    }

    function _isMintable(address token) private view returns (bool) {
        return ERC165Checker.supportsInterface(token, type(IOptimismMintableERC20).interfaceId);
    }
}
