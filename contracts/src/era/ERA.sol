// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {
    ERC20Upgradeable
} from "@openzeppelin/contracts-upgradeable/token/ERC20/ERC20Upgradeable.sol";
import {
    ERC20PermitUpgradeable
} from "@openzeppelin/contracts-upgradeable/token/ERC20/extensions/ERC20PermitUpgradeable.sol";
import {
    ERC20VotesUpgradeable
} from "@openzeppelin/contracts-upgradeable/token/ERC20/extensions/ERC20VotesUpgradeable.sol";
import {NoncesUpgradeable} from "@openzeppelin/contracts-upgradeable/utils/NoncesUpgradeable.sol";
import {ERC6372Utils} from "@openzeppelin/contracts/utils/ERC6372Utils.sol";
import {Time} from "@openzeppelin/contracts/utils/types/Time.sol";
import {Governed} from "../metalayer/Governed.sol";

/// @title ERA
/// @notice The network's token on L1: guardians stake it, its holders vote with it. The supply is fixed.
/// Votes are counted by timestamp (ERC-6372), so that they mean the same on chains of any block time;
/// a holder's votes count once delegated, to itself or another.
contract ERA is ERC20Upgradeable, ERC20PermitUpgradeable, ERC20VotesUpgradeable, Governed {
    /// @notice The whole supply, in wei.
    uint256 public constant SUPPLY = 1_000_000_000 ether;

    /// @param owner_ May upgrade.
    /// @param treasury Gets the whole supply.
    function initialize(address owner_, address treasury) external initializer {
        __ERC20_init("Caldera", "ERA");
        __ERC20Permit_init("Caldera");
        __ERC20Votes_init();
        __Ownable_init(owner_);
        _mint(treasury, SUPPLY);
    }

    /// @notice Seconds, as votes' timepoints are given.
    function clock() public view override returns (uint48) {
        return Time.timestamp();
    }

    /// @notice What the clock counts, as ERC-6372 writes it.
    // forge-lint: disable-next-line(mixed-case-function)
    function CLOCK_MODE() public view override returns (string memory) {
        return ERC6372Utils.timestampClockMode(clock);
    }

    /// @notice Next nonce of `holder`, shared by permits and delegations by signature.
    function nonces(address holder)
        public
        view
        override(ERC20PermitUpgradeable, NoncesUpgradeable)
        returns (uint256)
    {
        return super.nonces(holder);
    }

    function _update(address from, address to, uint256 value)
        internal
        override(ERC20Upgradeable, ERC20VotesUpgradeable)
    {
        super._update(from, to, value);
    }
}
