// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Governed} from "../../metalayer/Governed.sol";
import {IOptimismPortal} from "../interfaces/IOptimismPortal.sol";
import {GasTokens} from "../libs/GasTokens.sol";
import {Predeploys} from "../libs/Predeploys.sol";
import {CrossDomainMessenger} from "./CrossDomainMessenger.sol";

/// @title L1CrossDomainMessenger
/// @notice The L1's end of one rollup's messengers: sends by deposits, receives by withdrawals.
contract L1CrossDomainMessenger is CrossDomainMessenger, Governed {
    /// @notice The rollup's portal.
    address public portal;

    function initialize(address owner_, address portal_) external initializer {
        __Ownable_init(owner_);
        portal = portal_;
    }

    /// @notice The OP Stack's older name of {portal}.
    // forge-lint: disable-next-line(mixed-case-function)
    function PORTAL() external view returns (address) {
        return portal;
    }

    /// @notice Version of this ABI.
    function version() external pure returns (string memory) {
        return "2.0.0";
    }

    function otherMessenger() public pure override returns (address) {
        return Predeploys.L2_CROSS_DOMAIN_MESSENGER;
    }

    function _send(uint64 gasLimit, uint256 value, bytes memory call) internal override {
        IOptimismPortal(portal).depositTransaction{value: value}(
            otherMessenger(), value, gasLimit, false, call
        );
    }

    function _hasGasToken() internal view override returns (bool) {
        (address token,) = IOptimismPortal(portal).gasPayingToken();
        return token != GasTokens.ETHER;
    }

    function _isOther() internal view override returns (bool) {
        return msg.sender == portal && IOptimismPortal(portal).l2Sender() == otherMessenger();
    }

    function _isUnsafe(address target) internal view override returns (bool) {
        return target == address(this) || target == portal;
    }
}
