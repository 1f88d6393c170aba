// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {IERC7786GatewaySource} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {IMailbox} from "../../metalayer/interfaces/IMailbox.sol";

/// @title IERC7786Attributes
/// @notice The attributes that the gateway knows, each written as a call of a function here: its selector, then
/// the encoded arguments.
interface IERC7786Attributes {
    /// @notice Asks that the message be brought to its recipient and pays for it.
    /// @param value Native coin for the recipient; only zero is supported.
    /// @param gasLimit Gas that the recipient's `receiveMessage` gets at the least.
    /// @param refundRecipient Gets what of the payment is not needed.
    function requestRelay(uint256 value, uint256 gasLimit, address refundRecipient) external;
}

/// @title IERC7786Gateway
/// @notice ERC-7786 source and destination gateway over the mailbox: contracts send messages to interoperable
/// addresses (ERC-7930) and get them by `IERC7786Recipient.receiveMessage`.
/// @dev A recipient trusts a message when its caller is this gateway and the sender named is whom it expects:
/// the gateway on the message's origin vouches for the sender, and the mailbox for that gateway.
interface IERC7786Gateway is IERC7786GatewaySource {
    /// @notice A chain that messages may go to and come from.
    /// @param chainId Its EIP-155 chain id, which interoperable addresses name.
    /// @param domain Its domain, which mailboxes name; zero forgets the chain.
    /// @param gateway The gateway there; zero where it has the address of this one.
    struct Chain {
        uint256 chainId;
        uint32 domain;
        address gateway;
    }

    /// @notice Emitted when a chain is made known, or forgotten: then its domain is zero.
    event ChainSet(uint256 indexed chainId, uint32 indexed domain, address gateway);

    /// @notice Thrown when an address is not of ERC-7930 version 1, of a chain that is not EIP-155's, without
    /// chain or account, or not in the shortest form.
    error InvalidRecipient(bytes recipient);

    /// @notice Thrown when a message is for a chain that is not known here, this one included.
    error UnknownChain(uint256 chainId);

    /// @notice Thrown when a message comes from a domain that belongs to no chain known here.
    error UnknownDomain(uint32 domain);

    /// @notice Thrown when a message comes from somebody else than its origin's gateway.
    error UnknownGateway(uint32 domain, bytes32 sender);

    /// @notice Thrown when somebody else than the mailbox brings a message.
    error NotMailbox(address caller);

    /// @notice Thrown when a message's body is of another version.
    error UnsupportedBodyVersion(uint8 version);

    /// @notice Thrown when an attribute is given twice, or its arguments are not those of its function.
    error InvalidAttribute(bytes attribute);

    /// @notice Thrown when native coin is to be sent along.
    error NativeValueNotSupported(uint256 value);

    /// @notice Thrown when there is less gas left than the recipient was promised.
    error InsufficientGas(uint256 gasLimit, uint256 gasLeft);

    /// @notice Thrown when a recipient does not answer with `receiveMessage`'s selector.
    error MessageNotAccepted(address recipient);

    /// @notice Thrown when a chain to be set has the id zero or this chain's.
    error InvalidChain(uint256 chainId);

    /// @notice The mailbox that carries the messages.
    function mailbox() external view returns (IMailbox);

    /// @notice Domain and gateway of a chain; zero both for one that is not known.
    function chainOf(uint256 chainId) external view returns (uint32 domain, address gateway);

    /// @notice Chain id of a domain; zero when it is not known.
    function chainIdOf(uint32 domain) external view returns (uint256 chainId);

    /// @notice What {sendMessage} with these arguments costs, in wei.
    /// @dev Without a payment (and without `requestRelay`) a message is sent too. Where that has a price,
    /// `sendMessage` then returns the message's id, and the message waits until somebody pays for the gas of
    /// that id at the gas paymaster (`payForGas`).
    function quoteMessage(
        bytes calldata recipient,
        bytes calldata payload,
        bytes[] calldata attributes
    ) external view returns (uint256 fee);

    /// @notice Makes chains known, or forgets them. A chain or domain that was known as part of another pair
    /// leaves that pair. Only for the owner.
    function setChains(Chain[] calldata chains) external;
}
