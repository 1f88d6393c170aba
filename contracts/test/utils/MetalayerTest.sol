// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {Test} from "forge-std/Test.sol";
import {AggregateRootIsm} from "../../src/metalayer/AggregateRootIsm.sol";
import {BatchProcessor} from "../../src/metalayer/BatchProcessor.sol";
import {InterchainGasPaymaster} from "../../src/metalayer/InterchainGasPaymaster.sol";
import {Mailbox} from "../../src/metalayer/Mailbox.sol";
import {MerkleTreeHook} from "../../src/metalayer/MerkleTreeHook.sol";
import {MetalayerRouter} from "../../src/metalayer/MetalayerRouter.sol";
import {TestRecipient} from "../../src/metalayer/TestRecipient.sol";
import {Leaf} from "../../src/metalayer/libs/Leaf.sol";
import {Message} from "../../src/metalayer/libs/Message.sol";
import {MockRootVerifier} from "../mocks/MockRootVerifier.sol";
import {Epochs} from "./Epochs.sol";

/// @notice Two chains in one: a Metalayer each, as it is deployed on a devnet, the guardians left out.
abstract contract MetalayerTest is Test {
    uint32 internal constant HERE = 901;
    uint32 internal constant THERE = 902;

    struct Metalayer {
        uint32 domain;
        Mailbox mailbox;
        MerkleTreeHook tree;
        InterchainGasPaymaster igp;
        MockRootVerifier verifier;
        AggregateRootIsm ism;
        MetalayerRouter router;
        BatchProcessor batch;
        TestRecipient recipient;
    }

    address internal governor = makeAddr("governor");
    address internal beneficiary = makeAddr("beneficiary");
    address internal alice = makeAddr("alice");
    address internal bob = makeAddr("bob");

    Metalayer internal here;
    Metalayer internal there;

    // ids of the messages dispatched here, in their order
    bytes32[] internal ids;
    uint64 internal lastEpoch;

    function setUp() public virtual {
        here = _deploy(HERE);
        there = _deploy(THERE);
        vm.startPrank(governor);
        here.router.setRouterAddress(THERE, address(there.router));
        there.router.setRouterAddress(HERE, address(here.router));
        vm.stopPrank();
        vm.deal(alice, 100 ether);
    }

    function _deploy(uint32 domain) internal returns (Metalayer memory chain) {
        chain.domain = domain;
        chain.verifier = new MockRootVerifier();
        // the hook names the mailbox and the mailbox the hook: one address is known beforehand
        uint64 nonce = vm.getNonce(address(this));
        address mailbox = vm.computeCreateAddress(address(this), nonce + 7);
        chain.tree = MerkleTreeHook(
            _proxy(
                address(new MerkleTreeHook(mailbox)),
                abi.encodeCall(MerkleTreeHook.initialize, (governor))
            )
        );
        chain.igp = InterchainGasPaymaster(
            _proxy(
                address(new InterchainGasPaymaster()),
                abi.encodeCall(InterchainGasPaymaster.initialize, (governor, beneficiary))
            )
        );
        chain.ism = AggregateRootIsm(
            _proxy(
                address(new AggregateRootIsm(address(chain.verifier))),
                abi.encodeCall(AggregateRootIsm.initialize, (governor))
            )
        );
        bytes memory call = abi.encodeCall(
            Mailbox.initialize,
            (governor, domain, address(chain.ism), address(chain.igp), address(chain.tree))
        );
        chain.mailbox = Mailbox(_proxy(address(new Mailbox()), call));
        assertEq(address(chain.mailbox), mailbox, "mailbox address");
        chain.router = MetalayerRouter(
            _proxy(
                address(new MetalayerRouter(mailbox, address(chain.igp), address(chain.ism))),
                abi.encodeCall(MetalayerRouter.initialize, (governor))
            )
        );
        chain.batch = new BatchProcessor(mailbox, address(chain.verifier));
        chain.recipient = new TestRecipient();
    }

    function _proxy(address implementation, bytes memory call) internal returns (address) {
        return address(new ERC1967Proxy(implementation, call));
    }

    /// @dev Dispatches from here to `recipient` there, as alice.
    function _send(address recipient, bytes memory body) internal returns (bytes memory message) {
        message = _message(here.mailbox.nonce(), alice, recipient, body);
        vm.prank(alice);
        bytes32 id = here.mailbox.dispatch(THERE, Message.toBytes32(recipient), body);
        assertEq(id, keccak256(message), "message id");
        ids.push(id);
    }

    function _message(uint32 nonce, address sender, address recipient, bytes memory body)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodePacked(
            uint8(3),
            nonce,
            HERE,
            Message.toBytes32(sender),
            THERE,
            Message.toBytes32(recipient),
            body
        );
    }

    /// @dev Leaves of four chains, the L1 first; all but the one from here with an empty tree.
    function _leaves() internal view returns (Leaf.Data[] memory leaves) {
        leaves = new Leaf.Data[](4);
        for (uint32 i = 0; i < 4; ++i) {
            leaves[i] = Epochs.leafOf(900 + i, i == 1 ? ids : new bytes32[](0));
        }
    }

    /// @dev Has everything dispatched here certified there.
    function _attest() internal returns (uint64 epoch) {
        epoch = ++lastEpoch;
        there.verifier.certify(epoch, Epochs.aggregateRoot(_leaves()));
    }

    /// @dev Meta-proof of the message with `index`, for the last epoch; nothing may have been sent since.
    function _proof(uint32 index) internal view returns (bytes memory) {
        return Epochs.metadata(lastEpoch, _leaves(), 1, ids, index);
    }
}
