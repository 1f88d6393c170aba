// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Callers} from "../libs/Callers.sol";
import {Predeploys} from "../libs/Predeploys.sol";
import {IL1Block} from "../predeploys/interfaces/IL1Block.sol";
import {IL2ToL1MessagePasser} from "../predeploys/interfaces/IL2ToL1MessagePasser.sol";
import {CrossDomainMessenger} from "./CrossDomainMessenger.sol";

/// @title L2CrossDomainMessenger
/// @notice The rollup's end of its messengers: receives by deposits, sends by withdrawals.
/// @dev Stands at 0x4200000000000000000000000000000000000007 from genesis on, without a proxy; the
/// genesis also sets what is {otherMessenger}.
contract L2CrossDomainMessenger is CrossDomainMessenger {
    address private _otherMessenger;

    /// @notice Version of this ABI.
    function version() external pure returns (string memory) {
        return "2.0.0";
    }

    /// @notice The OP Stack's older name of {otherMessenger}.
    function l1CrossDomainMessenger() external view returns (address) {
        return _otherMessenger;
    }

    function otherMessenger() public view override returns (address) {
        return _otherMessenger;
    }

    function _send(uint64 gasLimit, uint256 value, bytes memory call) internal override {
        IL2ToL1MessagePasser(Predeploys.L2_TO_L1_MESSAGE_PASSER).initiateWithdrawal{value: value}(
            otherMessenger(), gasLimit, call
        );
    }

    function _hasGasToken() internal view override returns (bool) {
        return IL1Block(Predeploys.L1_BLOCK).isCustomGasToken();
    }

    function _isOther() internal view override returns (bool) {
        return msg.sender == Callers.aliased(otherMessenger());
    }

    function _isUnsafe(address target) internal view override returns (bool) {
        return target == address(this) || target == Predeploys.L2_TO_L1_MESSAGE_PASSER;
    }
}
