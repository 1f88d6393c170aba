// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";
import {IOptimismMintableERC20} from "./interfaces/IOptimismMintableERC20.sol";

/// @title OptimismMintableERC20
/// @notice Implements {IOptimismMintableERC20}, which documents it.
contract OptimismMintableERC20 is IOptimismMintableERC20, ERC20, ERC165 {
    /// @dev Of `l1Token`, `mint` and `burn`: the interface of before Bedrock.
    bytes4 private constant LEGACY_INTERFACE = 0x1d1d8b63;

    /// @inheritdoc IOptimismMintableERC20
    address public immutable override bridge;
    /// @inheritdoc IOptimismMintableERC20
    address public immutable override remoteToken;
    uint8 private immutable _decimals;

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

    /// @notice {remoteToken}, as it was called before Bedrock.
    function l1Token() external view returns (address) {
        return remoteToken;
    }

    /// @notice {bridge}, as it was called before Bedrock.
    function l2Bridge() external view returns (address) {
        return bridge;
    }

    function decimals() public view override returns (uint8) {
        return _decimals;
    }

    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IOptimismMintableERC20).interfaceId
            || interfaceId == LEGACY_INTERFACE || super.supportsInterface(interfaceId);
    }
}
