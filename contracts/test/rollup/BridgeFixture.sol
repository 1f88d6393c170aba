// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {Test, Vm} from "forge-std/Test.sol";
import {OptimismPortal} from "../../src/rollup/OptimismPortal.sol";
import {L1CrossDomainMessenger} from "../../src/rollup/bridge/L1CrossDomainMessenger.sol";
import {L1StandardBridge} from "../../src/rollup/bridge/L1StandardBridge.sol";
import {L2CrossDomainMessenger} from "../../src/rollup/bridge/L2CrossDomainMessenger.sol";
import {L2StandardBridge} from "../../src/rollup/bridge/L2StandardBridge.sol";
import {
    OptimismMintableERC20Factory
} from "../../src/rollup/bridge/OptimismMintableERC20Factory.sol";
import {
    IOptimismPortal,
    OutputRootProof,
    WithdrawalTransaction
} from "../../src/rollup/interfaces/IOptimismPortal.sol";
import {GasTokens} from "../../src/rollup/libs/GasTokens.sol";
import {Predeploys} from "../../src/rollup/libs/Predeploys.sol";
import {L1Block} from "../../src/rollup/predeploys/L1Block.sol";
import {L2ToL1MessagePasser} from "../../src/rollup/predeploys/L2ToL1MessagePasser.sol";
import {
    IL2ToL1MessagePasser
} from "../../src/rollup/predeploys/interfaces/IL2ToL1MessagePasser.sol";
import {IL2OutputOracle} from "../../src/settlement/interfaces/IL2OutputOracle.sol";

/// @dev Outputs that a test posts, removes and makes final.
contract FakeOutputs {
    bytes32[] public roots;
    uint256 public finalUpTo;

    function post(bytes32 root) external returns (uint256) {
        roots.push(root);
        return roots.length - 1;
    }

    function remove() external {
        roots.pop();
    }

    function setFinal(uint256 outputs) external {
        finalUpTo = outputs;
    }

    function getL2Output(uint256 index)
        external
        view
        returns (IL2OutputOracle.OutputProposal memory)
    {
        return IL2OutputOracle.OutputProposal(roots[index], uint128(block.timestamp), 1);
    }

    function nextOutputIndex() external view returns (uint256) {
        return roots.length;
    }

    function isFinal(uint256 index) external view returns (bool) {
        return index < finalUpTo;
    }
}

/// @dev Both chains in one: the rollup's contracts stand at their own addresses, deposits are made
/// when {deliver} is called, withdrawals are proven by tries of two slots.
abstract contract BridgeFixture is Test {
    address internal governor = makeAddr("governor");
    FakeOutputs internal outputs;
    OptimismPortal internal portal;
    L1CrossDomainMessenger internal l1Messenger;
    L1StandardBridge internal l1Bridge;
    L2CrossDomainMessenger internal l2Messenger =
        L2CrossDomainMessenger(Predeploys.L2_CROSS_DOMAIN_MESSENGER);
    L2StandardBridge internal l2Bridge = L2StandardBridge(payable(Predeploys.L2_STANDARD_BRIDGE));
    L2ToL1MessagePasser internal passer =
        L2ToL1MessagePasser(payable(Predeploys.L2_TO_L1_MESSAGE_PASSER));
    OptimismMintableERC20Factory internal factory =
        OptimismMintableERC20Factory(Predeploys.OPTIMISM_MINTABLE_ERC20_FACTORY);

    function setUp() public virtual {
        outputs = new FakeOutputs();
        address gasToken = makeGasToken();
        portal = OptimismPortal(
            payable(_proxy(
                    address(new OptimismPortal()),
                    abi.encodeCall(
                        OptimismPortal.initialize, (governor, 901, address(outputs), gasToken)
                    )
                ))
        );
        l1Messenger = L1CrossDomainMessenger(
            _proxy(
                address(new L1CrossDomainMessenger()),
                abi.encodeCall(L1CrossDomainMessenger.initialize, (governor, address(portal)))
            )
        );
        l1Bridge = L1StandardBridge(
            payable(_proxy(
                    address(new L1StandardBridge()),
                    abi.encodeCall(L1StandardBridge.initialize, (governor, address(l1Messenger)))
                ))
        );
        vm.etch(Predeploys.L1_BLOCK, address(new L1Block()).code);
        vm.etch(address(passer), address(new L2ToL1MessagePasser()).code);
        vm.etch(address(l2Messenger), address(new L2CrossDomainMessenger()).code);
        vm.etch(address(l2Bridge), address(new L2StandardBridge()).code);
        vm.etch(address(factory), address(new OptimismMintableERC20Factory()).code);
        // as the genesis sets them
        vm.store(address(l2Messenger), bytes32(uint256(3)), _word(address(l1Messenger)));
        vm.store(address(l2Bridge), bytes32(uint256(1)), _word(address(l1Bridge)));
        if (gasToken != address(0)) _tellL1Block(IERC20Metadata(gasToken));
    }

    /// @dev The token that is the rollup's coin; zero for ether.
    function makeGasToken() internal virtual returns (address) {
        return address(0);
    }

    /// @dev Makes on the rollup what the recorded logs deposit, and calls it as the rollup does.
    function deliver(Vm.Log[] memory logs) internal {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IOptimismPortal.TransactionDeposited.selector) continue;
            address from = address(uint160(uint256(logs[i].topics[1])));
            address to = address(uint160(uint256(logs[i].topics[2])));
            bytes memory opaque = abi.decode(logs[i].data, (bytes));
            (uint256 mint, uint256 value, uint64 gasLimit, bytes memory data) = _opaque(opaque);
            vm.deal(from, from.balance + mint);
            vm.prank(from, from);
            (bool success,) = to.call{value: value, gas: gasLimit}(data);
            success; // a failed deposit leaves what it minted with its sender
        }
    }

    /// @dev The withdrawals in the logs.
    function withdrawalsIn(Vm.Log[] memory logs)
        internal
        pure
        returns (WithdrawalTransaction[] memory found)
    {
        found = new WithdrawalTransaction[](logs.length);
        uint256 count;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IL2ToL1MessagePasser.MessagePassed.selector) continue;
            (uint256 value, uint256 gasLimit, bytes memory data,) =
                abi.decode(logs[i].data, (uint256, uint256, bytes, bytes32));
            found[count++] = WithdrawalTransaction(
                uint256(logs[i].topics[1]),
                address(uint160(uint256(logs[i].topics[2]))),
                address(uint160(uint256(logs[i].topics[3]))),
                value,
                gasLimit,
                data
            );
        }
        assembly ("memory-safe") {
            mstore(found, count)
        }
    }

    /// @dev Posts an output with the withdrawal in it and proves it.
    function prove(WithdrawalTransaction memory withdrawal) internal returns (uint256 index) {
        (OutputRootProof memory parts, bytes[] memory nodes) = proofOf(withdrawal);
        index = outputs.post(keccak256(abi.encode(parts)));
        portal.proveWithdrawalTransaction(withdrawal, index, parts, nodes);
    }

    function finalize(WithdrawalTransaction memory withdrawal) internal {
        outputs.setFinal(outputs.nextOutputIndex());
        portal.finalizeWithdrawalTransaction(withdrawal);
    }

    /// @dev A trie with two slots, the withdrawal's and one beside it that is zero (Anvil keeps those),
    /// and an output root over it.
    function proofOf(WithdrawalTransaction memory withdrawal)
        internal
        pure
        returns (OutputRootProof memory parts, bytes[] memory nodes)
    {
        bytes32 key = keccak256(abi.encode(keccak256(abi.encode(hashOf(withdrawal), uint256(0)))));
        nodes = new bytes[](2);
        nodes[1] = _leaf(key, hex"01");
        // differs in the first nibble
        bytes memory other = _leaf(bytes32(uint256(key) ^ (uint256(1) << 255)), hex"80");
        uint8 at = uint8(key[0]) >> 4;
        bytes memory children;
        for (uint8 i = 0; i < 16; ++i) {
            if (i == at) children = abi.encodePacked(children, hex"a0", keccak256(nodes[1]));
            else if (i == at ^ 8) children = abi.encodePacked(children, hex"a0", keccak256(other));
            else children = abi.encodePacked(children, hex"80");
        }
        nodes[0] = abi.encodePacked(hex"f851", children, hex"80");
        parts = OutputRootProof(0, keccak256("state"), keccak256(nodes[0]), keccak256("block"));
    }

    function hashOf(WithdrawalTransaction memory withdrawal) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                withdrawal.nonce,
                withdrawal.sender,
                withdrawal.target,
                withdrawal.value,
                withdrawal.gasLimit,
                withdrawal.data
            )
        );
    }

    /// @dev A leaf below the first nibble: 63 of them, so an odd path with flag 3.
    function _leaf(bytes32 key, bytes memory value) private pure returns (bytes memory) {
        bytes32 path = bytes32((uint256(key) << 4) >> 4 | uint256(3) << 252);
        return abi.encodePacked(uint8(0xc0 + 33 + value.length), hex"a0", path, value);
    }

    function _opaque(bytes memory opaque)
        private
        pure
        returns (uint256 mint, uint256 value, uint64 gasLimit, bytes memory data)
    {
        assembly ("memory-safe") {
            mint := mload(add(opaque, 32))
            value := mload(add(opaque, 64))
            gasLimit := shr(192, mload(add(opaque, 96)))
        }
        data = new bytes(opaque.length - 73);
        for (uint256 i = 0; i < data.length; ++i) {
            data[i] = opaque[73 + i];
        }
    }

    function _tellL1Block(IERC20Metadata token) private {
        uint256 word = uint256(token.decimals()) << 160 | uint160(address(token));
        vm.store(Predeploys.L1_BLOCK, GasTokens.TOKEN_SLOT, bytes32(word));
        vm.store(Predeploys.L1_BLOCK, GasTokens.NAME_SLOT, bytes32(bytes(token.name())));
        vm.store(Predeploys.L1_BLOCK, GasTokens.SYMBOL_SLOT, bytes32(bytes(token.symbol())));
    }

    function _proxy(address implementation, bytes memory call) private returns (address) {
        return address(new ERC1967Proxy(implementation, call));
    }

    function _word(address value) private pure returns (bytes32) {
        return bytes32(uint256(uint160(value)));
    }
}
