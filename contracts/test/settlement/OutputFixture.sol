// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";
import {Test} from "forge-std/Test.sol";
import {BatchInbox} from "../../src/settlement/BatchInbox.sol";
import {L2OutputOracle} from "../../src/settlement/L2OutputOracle.sol";
import {IL2OutputOracle} from "../../src/settlement/interfaces/IL2OutputOracle.sol";
import {IProofVerifier} from "../../src/settlement/interfaces/IProofVerifier.sol";

/// @notice A rollup's inbox and oracle, and blocks whose state holds the message passer alone.
abstract contract OutputFixture is Test {
    using RLP for RLP.Encoder;

    uint256 internal constant ROLLUP = 901;
    uint64 internal constant WINDOW = 10;
    bytes32 internal constant GENESIS = keccak256("genesis");
    bytes32 internal constant GENESIS_STATE = keccak256("genesis state");
    address internal constant MESSAGE_PASSER = 0x4200000000000000000000000000000000000016;

    BatchInbox internal inbox;
    L2OutputOracle internal oracle;
    address internal batcher = makeAddr("batcher");
    address internal proposer = makeAddr("proposer");
    address internal game = makeAddr("game");

    struct Block {
        bytes header;
        bytes[] proof;
        bytes32 stateRoot;
        bytes32 storageRoot;
    }

    function setUp() public virtual {
        bytes memory call = abi.encodeCall(BatchInbox.initialize, (address(this)));
        inbox = BatchInbox(address(new ERC1967Proxy(address(new BatchInbox()), call)));
        inbox.setBatcher(ROLLUP, batcher);
        oracle = makeOracle(IProofVerifier(address(0)), WINDOW);
        oracle.setGenesis(GENESIS, GENESIS_STATE);
        vm.deal(proposer, 1000 ether);
    }

    function makeOracle(IProofVerifier verifier, uint64 window) internal returns (L2OutputOracle) {
        IL2OutputOracle.Config memory config =
            IL2OutputOracle.Config(ROLLUP, inbox, proposer, game, verifier, window);
        bytes memory call = abi.encodeCall(L2OutputOracle.initialize, (address(this), config));
        return L2OutputOracle(address(new ERC1967Proxy(address(new L2OutputOracle()), call)));
    }

    /// @dev Posts one channel up to block `last`.
    function post(uint64 last) internal {
        uint64 first = inbox.rollup(ROLLUP).nextBlock;
        vm.prank(batcher);
        inbox.append(ROLLUP, first, last, 0, true, abi.encode(last));
    }

    function blockAt(uint64 number, bytes32 salt) internal pure returns (Block memory made) {
        made.storageRoot = keccak256(abi.encode("storage", number, salt));
        bytes memory account = RLP.encoder().push(uint256(1)).push(uint256(0))
            .push(made.storageRoot).push(keccak256("code")).encode();
        bytes memory path =
            abi.encodePacked(bytes1(0x20), keccak256(abi.encodePacked(MESSAGE_PASSER)));
        made.proof = new bytes[](1);
        made.proof[0] = RLP.encoder().push(path).push(account).encode();
        made.stateRoot = keccak256(made.proof[0]);
        made.header = headerOf(number, made.stateRoot);
    }

    function headerOf(uint64 number, bytes32 stateRoot) internal pure returns (bytes memory) {
        RLP.Encoder memory list = RLP.encoder();
        for (uint256 field = 0; field < 16; ++field) {
            if (field == 3) list.push(stateRoot);
            else if (field == 8) list.push(uint256(number));
            else if (field == 11) list.push(uint256(1_767_225_600) + number);
            else list.push(keccak256(abi.encode(field)));
        }
        return list.encode();
    }

    function propose(uint64 number, bytes32 salt) internal returns (uint256) {
        Block memory made = blockAt(number, salt);
        vm.prank(proposer);
        return oracle.propose{value: 1 ether}(made.header, made.proof, "");
    }

    /// @dev Posts and proposes blocks up to `last`.
    function settle(uint64 last) internal returns (uint256) {
        post(last);
        return propose(last, 0);
    }
}
