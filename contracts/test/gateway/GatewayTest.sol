// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";
import {ERC7786Gateway} from "../../src/gateway/ERC7786Gateway.sol";
import {IERC7786Gateway} from "../../src/gateway/interfaces/IERC7786Gateway.sol";
import {Message} from "../../src/metalayer/libs/Message.sol";
import {ConstantIsm} from "../mocks/Modules.sol";
import {MetalayerTest} from "../utils/MetalayerTest.sol";

/// @notice A gateway on each of two chains in one; chain ids are not domains. What is sent is brought over by
/// {_bring}, past the mailboxes' module.
abstract contract GatewayTest is MetalayerTest {
    uint256 internal constant CHAIN_HERE = 31_337;
    uint256 internal constant CHAIN_THERE = 7_777_777_777;

    ERC7786Gateway internal gatewayHere;
    ERC7786Gateway internal gatewayThere;
    bytes[] internal none;

    function setUp() public virtual override {
        super.setUp();
        gatewayHere = _gateway(here);
        gatewayThere = _gateway(there);
        _know(gatewayHere, CHAIN_HERE, CHAIN_THERE, THERE, address(gatewayThere));
        _know(gatewayThere, CHAIN_THERE, CHAIN_HERE, HERE, address(gatewayHere));
        vm.startPrank(governor);
        here.mailbox.setDefaultIsm(address(new ConstantIsm(true)));
        there.mailbox.setDefaultIsm(address(new ConstantIsm(true)));
        vm.stopPrank();
        vm.chainId(CHAIN_HERE);
    }

    function _gateway(Metalayer memory chain) private returns (ERC7786Gateway) {
        return ERC7786Gateway(
            _proxy(
                address(new ERC7786Gateway(address(chain.mailbox))),
                abi.encodeCall(ERC7786Gateway.initialize, (governor))
            )
        );
    }

    function _know(
        ERC7786Gateway gateway,
        uint256 own,
        uint256 chainId,
        uint32 domain,
        address other
    ) internal {
        vm.chainId(own);
        vm.prank(governor);
        gateway.setChains(_one(chainId, domain, other));
    }

    function _one(uint256 chainId, uint32 domain, address gateway)
        internal
        pure
        returns (IERC7786Gateway.Chain[] memory chains)
    {
        chains = new IERC7786Gateway.Chain[](1);
        chains[0] = IERC7786Gateway.Chain(chainId, domain, gateway);
    }

    /// @dev An account there, as an interoperable address.
    function _there(address account) internal pure returns (bytes memory) {
        return InteroperableAddress.formatEvmV1(CHAIN_THERE, account);
    }

    function _here(address account) internal pure returns (bytes memory) {
        return InteroperableAddress.formatEvmV1(CHAIN_HERE, account);
    }

    /// @dev The body of a message between the gateways.
    function _body(uint32 nonce, uint256 gasLimit, address from, address to, bytes memory payload)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encode(uint8(1), nonce, gasLimit, from, to, payload);
    }

    /// @dev The message that the gateway here sends with `body`.
    function _messageThere(uint32 nonce, bytes memory body) internal view returns (bytes memory) {
        return _message(nonce, address(gatewayHere), address(gatewayThere), body);
    }

    /// @dev The message that the gateway there sends with `body`.
    function _messageHere(uint32 nonce, bytes memory body) internal view returns (bytes memory) {
        bytes32 from = Message.toBytes32(address(gatewayThere));
        bytes32 to = Message.toBytes32(address(gatewayHere));
        return abi.encodePacked(uint8(3), nonce, THERE, from, HERE, to, body);
    }

    /// @dev Processes a message there.
    function _bringThere(bytes memory message) internal {
        vm.chainId(CHAIN_THERE);
        there.mailbox.process("", message);
        vm.chainId(CHAIN_HERE);
    }
}
