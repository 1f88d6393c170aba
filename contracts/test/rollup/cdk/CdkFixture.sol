// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {Vm} from "forge-std/Test.sol";
import {GlobalExitRootManager} from "../../../src/rollup/cdk/GlobalExitRootManager.sol";
import {GlobalExitRootManagerL2} from "../../../src/rollup/cdk/GlobalExitRootManagerL2.sol";
import {L1PolygonZkEVMBridge} from "../../../src/rollup/cdk/L1PolygonZkEVMBridge.sol";
import {L2PolygonZkEVMBridge} from "../../../src/rollup/cdk/L2PolygonZkEVMBridge.sol";
import {PolygonZkEVMBridge} from "../../../src/rollup/cdk/PolygonZkEVMBridge.sol";
import {IPolygonZkEVMBridge} from "../../../src/rollup/cdk/interfaces/IPolygonZkEVMBridge.sol";
import {IL2OutputOracle} from "../../../src/settlement/interfaces/IL2OutputOracle.sol";
import {Tries} from "../../utils/Tries.sol";
import {BridgeFixture} from "../BridgeFixture.sol";

/// @dev Both ends in one chain. What leaves an end is kept as a leaf, and claimed with a proof made of
/// all leaves.
abstract contract CdkFixture is BridgeFixture {
    address internal constant L2_BRIDGE = 0x2a3DD3EB832aF982ec71669E178424b10Dca2EDe;
    address internal constant L2_MANAGER = 0xa40D5f56745a118D0906a34E69aeC8C0Db1cB8fA;
    uint256 internal constant PREFUNDED = type(uint128).max;
    uint256 internal constant MAINNET = 1 << 64;

    struct Exit {
        IPolygonZkEVMBridge.Leaf leaf;
        uint256 index;
    }

    /// @dev The event.
    struct Told {
        uint8 leafType;
        uint32 originNetwork;
        address originAddress;
        uint32 destinationNetwork;
        address destinationAddress;
        uint256 amount;
        bytes metadata;
        uint32 depositCount;
    }

    struct Proof {
        bytes32[32] local;
        bytes32[32] rollup;
        uint256 globalIndex;
        bytes32 mainnetRoot;
        bytes32 rollupRoot;
    }

    L1PolygonZkEVMBridge internal l1;
    GlobalExitRootManager internal manager;
    L2PolygonZkEVMBridge internal l2 = L2PolygonZkEVMBridge(L2_BRIDGE);
    GlobalExitRootManagerL2 internal l2Manager = GlobalExitRootManagerL2(L2_MANAGER);
    mapping(address bridge => bytes32[]) internal leaves;
    uint64 internal l2Block;

    function setUp() public virtual override {
        super.setUp();
        vm.roll(100);
        address bridgeCode = address(new L1PolygonZkEVMBridge());
        address managerCode = address(new GlobalExitRootManager());
        // each knows the other, whose address is known before it is made
        manager = GlobalExitRootManager(
            vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1)
        );
        l1 = L1PolygonZkEVMBridge(
            _proxied(
                bridgeCode, abi.encodeCall(L1PolygonZkEVMBridge.initialize, (governor, manager))
            )
        );
        _proxied(
            managerCode,
            abi.encodeCall(
                GlobalExitRootManager.initialize, (governor, address(l1), address(portal))
            )
        );
        vm.etch(L2_BRIDGE, address(new L2PolygonZkEVMBridge()).code);
        vm.etch(L2_MANAGER, address(new GlobalExitRootManagerL2()).code);
        // as the genesis sets them
        vm.deal(L2_BRIDGE, PREFUNDED);
        vm.store(L2_MANAGER, bytes32(uint256(2)), bytes32(uint256(uint160(address(manager)))));
    }

    /// @dev Keeps the leaves that the recorded logs tell of, delivers the deposits; the last leaf.
    function departed() internal returns (Exit memory exit) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IPolygonZkEVMBridge.BridgeEvent.selector) continue;
            // an event's data are a struct's, but for where it begins
            Told memory told = abi.decode(bytes.concat(bytes32(uint256(32)), logs[i].data), (Told));
            exit = Exit(_leafOf(told), told.depositCount);
            assertEq(exit.index, leaves[logs[i].emitter].length);
            leaves[logs[i].emitter].push(_hash(exit.leaf));
        }
        deliver(logs);
    }

    /// @dev An output with the rollup's exit root as it is now, final.
    function settle() internal returns (uint256 index) {
        (bytes32 stateRoot, bytes[] memory account, bytes[] memory slots) =
            Tries.state(L2_MANAGER, bytes32(uint256(1)), l2Manager.lastRollupExitRoot());
        index = postState(stateRoot);
        outputs.setFinal(index + 1);
        manager.proveRollupExitRoot(index, account, slots);
        departed();
    }

    function postState(bytes32 stateRoot) internal returns (uint256 index) {
        index = outputs.post(stateRoot);
        IL2OutputOracle.Output memory output;
        output.stateRoot = stateRoot;
        output.l2BlockNumber = ++l2Block;
        vm.mockCall(
            address(outputs), abi.encodeCall(IL2OutputOracle.output, (index)), abi.encode(output)
        );
    }

    function proofOfExit(PolygonZkEVMBridge from, uint256 index)
        internal
        view
        returns (Proof memory proof)
    {
        proof.local = pathOf(leaves[address(from)], index);
        bytes32 zero;
        for (uint256 height = 0; height < 32; ++height) {
            proof.rollup[height] = zero;
            zero = keccak256(abi.encode(zero, zero));
        }
        proof.globalIndex = from == l1 ? MAINNET | index : index;
        proof.mainnetRoot = manager.lastMainnetExitRoot();
        proof.rollupRoot = manager.lastRollupExitRoot();
    }

    function claim(PolygonZkEVMBridge from, Exit memory exit) internal {
        claim(from == l1 ? PolygonZkEVMBridge(l2) : l1, exit.leaf, proofOfExit(from, exit.index));
    }

    function claim(PolygonZkEVMBridge end, IPolygonZkEVMBridge.Leaf memory leaf, Proof memory proof)
        internal
    {
        bytes4 name = leaf.leafType == 0
            ? IPolygonZkEVMBridge.claimAsset.selector
            : IPolygonZkEVMBridge.claimMessage.selector;
        bytes memory head = abi.encodePacked(
            name,
            proof.local,
            proof.rollup,
            abi.encode(proof.globalIndex, proof.mainnetRoot, proof.rollupRoot)
        );
        bytes memory tail = abi.encode(
            uint256(leaf.originNetwork),
            leaf.originAddress,
            uint256(leaf.destinationNetwork),
            leaf.destinationAddress,
            leaf.amount
        );
        uint256 offset = (32 + 32 + 3 + 6) * 32;
        uint256 length = leaf.metadata.length;
        bytes memory pad = new bytes((32 - length % 32) % 32);
        bytes memory call = abi.encodePacked(head, tail, offset, length, leaf.metadata, pad);
        (bool success, bytes memory reason) = address(end).call(call);
        if (success) return;
        assembly ("memory-safe") {
            revert(add(reason, 32), mload(reason))
        }
    }

    /// @dev All 32 siblings of the leaf at `index`.
    function pathOf(bytes32[] memory level, uint256 index)
        internal
        pure
        returns (bytes32[32] memory path)
    {
        bytes32 empty;
        for (uint256 height = 0; height < 32; ++height) {
            uint256 sibling = index ^ 1;
            path[height] = sibling < level.length ? level[sibling] : empty;
            bytes32[] memory above = new bytes32[]((level.length + 1) / 2);
            for (uint256 i = 0; i < above.length; ++i) {
                bytes32 right = 2 * i + 1 < level.length ? level[2 * i + 1] : empty;
                above[i] = keccak256(abi.encode(level[2 * i], right));
            }
            (level, index) = (above, index / 2);
            empty = keccak256(abi.encode(empty, empty));
        }
    }

    function _proxied(address code, bytes memory call) private returns (address) {
        return address(new ERC1967Proxy(code, call));
    }

    function _leafOf(Told memory told) private pure returns (IPolygonZkEVMBridge.Leaf memory leaf) {
        leaf.leafType = told.leafType;
        leaf.originNetwork = told.originNetwork;
        leaf.originAddress = told.originAddress;
        leaf.destinationNetwork = told.destinationNetwork;
        leaf.destinationAddress = told.destinationAddress;
        leaf.amount = told.amount;
        leaf.metadata = told.metadata;
    }

    function _hash(IPolygonZkEVMBridge.Leaf memory leaf) private pure returns (bytes32) {
        return keccak256(
            abi.encodePacked(
                leaf.leafType,
                leaf.originNetwork,
                leaf.originAddress,
                leaf.destinationNetwork,
                leaf.destinationAddress,
                leaf.amount,
                keccak256(leaf.metadata)
            )
        );
    }
}
