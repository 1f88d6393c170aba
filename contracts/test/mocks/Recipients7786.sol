// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {ERC7786Recipient} from "@openzeppelin/contracts/crosschain/ERC7786Recipient.sol";

/// @notice Keeps what it gets from one gateway, whoever sent it.
contract KeepingRecipient is ERC7786Recipient {
    address public immutable gateway;
    bytes32 public receiveId;
    bytes public sender;
    bytes public payload;
    uint256 public value;
    uint256 public gasGiven;
    uint256 public count;

    constructor(address gateway_) {
        gateway = gateway_;
    }

    function _isAuthorizedGateway(address caller, bytes calldata)
        internal
        view
        override
        returns (bool)
    {
        return caller == gateway;
    }

    function _processMessage(
        address,
        bytes32 receiveId_,
        bytes calldata sender_,
        bytes calldata payload_
    ) internal override {
        gasGiven = gasleft();
        (receiveId, sender, payload, value) = (receiveId_, sender_, payload_, msg.value);
        ++count;
    }
}

/// @notice Refuses everything, with a reason.
contract RefusingRecipient7786 {
    error NotToday(uint256 day);

    function receiveMessage(bytes32, bytes calldata, bytes calldata)
        external
        payable
        returns (bytes4)
    {
        revert NotToday(7);
    }
}

/// @notice Answers with something else than it should.
contract WrongAnswerRecipient {
    bytes public answer;

    constructor(bytes memory answer_) {
        answer = answer_;
    }

    fallback(bytes calldata) external payable returns (bytes memory) {
        return answer;
    }
}
