// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";
import {IOptimismMintableERC20} from "./interfaces/IOptimismMintableERC20.sol";

/// @title OptimismMintableERC20
/// @notice Implements {IOptimismMintableERC20}, which documents it.
/// @dev Permits (ERC-2612) by hand: OpenZeppelin's take names of up to 31 bytes only, and who makes a
/// token for one of the L1 does not choose its name.
contract OptimismMintableERC20 is IOptimismMintableERC20, ERC20, IERC20Permit, Nonces, ERC165 {
    bytes32 private constant DOMAIN = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    );
    bytes32 private constant PERMIT = keccak256(
        "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant VERSION = keccak256("1");
    /// @dev Of `l1Token`, `mint` and `burn`: the interface of before Bedrock.
    bytes4 private constant LEGACY_INTERFACE = 0x1d1d8b63;

    /// @inheritdoc IOptimismMintableERC20
    address public immutable override bridge;
    /// @inheritdoc IOptimismMintableERC20
    address public immutable override remoteToken;
    uint8 private immutable _decimals;

    /// @notice Thrown when a permit comes too late.
    error PermitExpired(uint256 deadline);

    /// @notice Thrown when a permit is not its owner's.
    error NotSignedByOwner(address signer, address owner);

    /// @notice Emitted when tokens arrive.
    event Mint(address indexed account, uint256 amount);

    /// @notice Emitted when tokens set out.
    event Burn(address indexed account, uint256 amount);

    modifier onlyBridge() {
        if (msg.sender != bridge) revert NotBridge(msg.sender);
        _;
    }

    constructor(
        address bridge_,
        address remoteToken_,
        string memory name_,
        string memory symbol_,
        uint8 decimals_
    ) ERC20(name_, symbol_) {
        bridge = bridge_;
        remoteToken = remoteToken_;
        _decimals = decimals_;
    }

    /// @inheritdoc IOptimismMintableERC20
    function mint(address to, uint256 amount) external override onlyBridge {
        _mint(to, amount);
        emit Mint(to, amount);
    }

    /// @inheritdoc IOptimismMintableERC20
    function burn(address from, uint256 amount) external override onlyBridge {
        _burn(from, amount);
        emit Burn(from, amount);
    }

    /// @inheritdoc IERC20Permit
    function permit(
        address owner,
        address spender,
        uint256 value,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external override {
        if (block.timestamp > deadline) revert PermitExpired(deadline);
        bytes32 what =
            keccak256(abi.encode(PERMIT, owner, spender, value, _useNonce(owner), deadline));
        bytes32 digest = MessageHashUtils.toTypedDataHash(DOMAIN_SEPARATOR(), what);
        address signer = ECDSA.recover(digest, v, r, s);
        if (signer != owner) revert NotSignedByOwner(signer, owner);
        _approve(owner, spender, value);
    }

    /// @notice Older name of {bridge}.
    // forge-lint: disable-next-line(mixed-case-function)
    function BRIDGE() external view returns (address) {
        return bridge;
    }

    /// @notice Older name of {remoteToken}.
    // forge-lint: disable-next-line(mixed-case-function)
    function REMOTE_TOKEN() external view returns (address) {
        return remoteToken;
    }

    /// @notice {remoteToken}, as it was called before Bedrock.
    function l1Token() external view returns (address) {
        return remoteToken;
    }

    /// @notice {bridge}, as it was called before Bedrock.
    function l2Bridge() external view returns (address) {
        return bridge;
    }

    /// @inheritdoc IERC20Permit
    // forge-lint: disable-next-line(mixed-case-function)
    function DOMAIN_SEPARATOR() public view override returns (bytes32) {
        bytes32 name_ = keccak256(bytes(name()));
        return keccak256(abi.encode(DOMAIN, name_, VERSION, block.chainid, address(this)));
    }

    /// @inheritdoc IERC20Permit
    function nonces(address owner) public view override(IERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }

    function decimals() public view override returns (uint8) {
        return _decimals;
    }

    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IOptimismMintableERC20).interfaceId
            || interfaceId == LEGACY_INTERFACE || super.supportsInterface(interfaceId);
    }
}
