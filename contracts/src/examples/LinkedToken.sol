// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {CrosschainLinked} from "@openzeppelin/contracts/crosschain/CrosschainLinked.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Crosschain} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Crosschain.sol";

/// @title LinkedToken
/// @notice An example: OpenZeppelin's crosschain ERC-20, whose owner links it to others as chains come. On each of
/// them it is minted when it arrives and burnt when it leaves.
contract LinkedToken is ERC20Crosschain, Ownable {
    /// @param owner_ Who links it, and has `supply` from the start; by name, for what makes the contract may be a
    /// factory.
    constructor(string memory name_, string memory symbol_, address owner_, uint256 supply)
        ERC20(name_, symbol_)
        CrosschainLinked(new Link[](0))
        Ownable(owner_)
    {
        if (supply != 0) _mint(owner_, supply);
    }

    /// @notice Lets the token go to another chain and come from it; for good.
    /// @param gateway The ERC-7786 gateway that brings it there.
    /// @param counterpart The token there, as ERC-7930 has it.
    function setLink(address gateway, bytes calldata counterpart) external onlyOwner {
        _setLink(gateway, counterpart, false);
    }
}
