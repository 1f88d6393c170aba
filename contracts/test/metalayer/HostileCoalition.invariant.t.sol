// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {RootVerifier} from "../../src/metalayer/RootVerifier.sol";
import {IAggregateRootIsm} from "../../src/metalayer/interfaces/IAggregateRootIsm.sol";
import {IBatchProcessor} from "../../src/metalayer/interfaces/IBatchProcessor.sol";
import {
    AbsentMember,
    Certificate,
    EpochHeader,
    GuardianSet,
    QuorumProof
} from "../../src/metalayer/interfaces/IRootVerifier.sol";
import {BLS12381} from "../../src/metalayer/libs/BLS12381.sol";
import {EpochHeaders} from "../../src/metalayer/libs/EpochHeaders.sol";
import {GuardianSets} from "../../src/metalayer/libs/GuardianSets.sol";
import {Leaf} from "../../src/metalayer/libs/Leaf.sol";
import {Message} from "../../src/metalayer/libs/Message.sol";
import {BlsSigner} from "../utils/BlsSigner.sol";
import {Epochs} from "../utils/Epochs.sol";
import {GuardianFixture} from "../utils/GuardianFixture.sol";
import {MetalayerTest} from "../utils/MetalayerTest.sol";

/// @notice A Metalayer with real certificates, and a caller that holds the keys of two of its three
/// guardians: exactly two thirds of the stake. It sees everything that is signed, has as many keys of
/// its own as it likes and may call everything. The third guardian signs what is true.
contract HostileCoalition is MetalayerTest, GuardianFixture {
    using EpochHeaders for EpochHeader;
    using GuardianSets for GuardianSet;

    uint256 private constant ALL = 7;

    RootVerifier public verifier;
    AbsentMember[] private members;
    bytes private lastMessage;
    bytes private lastQuorum;
    bytes32[] private forgedIds;
    /// @notice Messages that were dispatched and delivered.
    uint256 public delivered;
    uint256 public refused;
    uint64 public setId = 1;

    constructor() {
        setUp();
        vm.etch(address(there.verifier), address(new RootVerifier()).code);
        verifier = RootVerifier(address(there.verifier));
        verifier.initialize(OWNER);
        AbsentMember[] memory three = membersOf(equalStakes(3));
        for (uint256 i = 0; i < three.length; ++i) {
            members.push(three[i]);
        }
        GuardianSet memory set = setOf(1, three);
        vm.prank(OWNER);
        verifier.install(NETWORK, set);
    }

    // ---- honest: all three sign

    function deliverHonestly() external {
        lastMessage = _send(address(there.recipient), abi.encode(ids.length));
        EpochHeader memory header = _header(++lastEpoch, Epochs.aggregateRoot(_leaves()));
        Certificate memory certificate = certify(header, members, 0);
        lastQuorum = abi.encode(certificate.quorum);
        verifier.submit(certificate);
        there.mailbox.process(_proof(uint32(ids.length - 1)), lastMessage);
        ++delivered;
    }

    // ---- hostile

    /// @notice A forged message under a certificate of whoever the coalition can sign for.
    /// @param named Who is named absent.
    /// @param by Whose keys sign: of the two, and one of nobody.
    function forge(uint8 named, uint8 by, uint8 way, bytes calldata body) external {
        (Leaf.Data[] memory leaves, bytes32[] memory one, bytes memory message) = _forged(body);
        EpochHeader memory header = _header(lastEpoch + 1, Epochs.aggregateRoot(leaves));
        QuorumProof memory quorum = proofOf(members, named % (ALL + 1));
        quorum.signature = BlsSigner.sign(_sumOf(by), header.hash(NETWORK));
        _bring(Certificate(header, quorum), leaves, one, message, way);
    }

    /// @notice The same with all three keys, which nobody holds.
    function forgeWithAll(bytes calldata body) external {
        (Leaf.Data[] memory leaves, bytes32[] memory one, bytes memory message) = _forged(body);
        EpochHeader memory header = _header(lastEpoch + 1, Epochs.aggregateRoot(leaves));
        _bring(certify(header, members, 0), leaves, one, message, 0);
    }

    /// @notice The same with the honest guardian's signature of another header added to theirs.
    function forgeWithHonestSignature(uint8 named, uint8 way, bytes calldata body) external {
        (Leaf.Data[] memory leaves, bytes32[] memory one, bytes memory message) = _forged(body);
        EpochHeader memory header = _header(lastEpoch + 1, Epochs.aggregateRoot(leaves));
        bytes memory honest = BlsSigner.sign(
            secretOf(2), _header(lastEpoch + 1, Epochs.aggregateRoot(_leaves())).hash(NETWORK)
        );
        QuorumProof memory quorum = proofOf(members, named % (ALL + 1));
        quorum.signature = _add(BlsSigner.sign(_sumOf(3), header.hash(NETWORK)), honest);
        _bring(Certificate(header, quorum), leaves, one, message, way);
    }

    /// @notice The quorum of the last honest epoch, on a header of their own.
    function replayQuorum(uint8 way, bytes calldata body) external {
        if (lastQuorum.length == 0) return;
        (Leaf.Data[] memory leaves, bytes32[] memory one, bytes memory message) = _forged(body);
        EpochHeader memory header = _header(lastEpoch + 1, Epochs.aggregateRoot(leaves));
        QuorumProof memory quorum = abi.decode(lastQuorum, (QuorumProof));
        _bring(Certificate(header, quorum), leaves, one, message, way);
    }

    /// @notice Absent members with stakes or keys of the coalition's choice.
    function forgeMembers(uint96 stake, uint256 secret, uint8 way, bytes calldata body) external {
        (Leaf.Data[] memory leaves, bytes32[] memory one, bytes memory message) = _forged(body);
        EpochHeader memory header = _header(lastEpoch + 1, Epochs.aggregateRoot(leaves));
        QuorumProof memory quorum = proofOf(members, 4);
        quorum.absent[0].stake = stake;
        if (secret % 2 == 0) {
            quorum.absent[0].key = BlsSigner.publicKey(bound(secret, 1, BlsSigner.ORDER - 1));
        }
        quorum.signature = BlsSigner.sign(_sumOf(3), header.hash(NETWORK));
        _bring(Certificate(header, quorum), leaves, one, message, way);
    }

    /// @notice A forged message under a certified epoch.
    function forgeProof(uint8 way, bytes calldata body) external {
        if (lastEpoch == 0) return;
        (Leaf.Data[] memory leaves, bytes32[] memory one, bytes memory message) = _forged(body);
        bytes memory proof = Epochs.metadata(lastEpoch, leaves, 1, one, 0);
        if (way % 2 == 0) proof = _proof(uint32(ids.length - 1));
        forgedIds.push(keccak256(message));
        try there.mailbox.process(proof, message) {}
        catch {
            ++refused;
        }
    }

    /// @notice What was delivered, once more.
    function deliverTwice() external {
        if (lastMessage.length == 0) return;
        try there.mailbox.process(_proof(uint32(ids.length - 1)), lastMessage) {
            ++delivered;
        } catch {
            ++refused;
        }
    }

    /// @notice A set of the coalition alone.
    function rotate(uint8 named, uint8 by, uint8 size) external {
        GuardianSet memory next = setOf(setId + 1, membersOf(equalStakes(1 + size % 2)));
        QuorumProof memory quorum = proofOf(members, named % (ALL + 1));
        quorum.signature = BlsSigner.sign(_sumOf(by), next.commitment(NETWORK));
        try verifier.rotate(next, quorum) {
            ++setId;
        } catch {
            ++refused;
        }
    }

    /// @notice What only the owner may do, and what only the mailbox may call.
    function usurp(address caller, bytes calldata body) external {
        if (caller == OWNER || caller == governor || caller == address(there.mailbox)) return;
        GuardianSet memory next = setOf(setId + 1, membersOf(equalStakes(1)));
        vm.startPrank(caller);
        try verifier.install(NETWORK, next) {
            ++setId;
        } catch {
            ++refused;
        }
        try there.mailbox.setDefaultIsm(caller) {
            ++setId;
        } catch {
            ++refused;
        }
        try there.router.handle(HERE, Message.toBytes32(address(here.router)), body) {}
        catch {
            ++refused;
        }
        vm.stopPrank();
    }

    // ---- what the invariants look at

    function forgeries() external view returns (uint256 made, uint256 taken) {
        for (made = 0; made < forgedIds.length; ++made) {
            if (there.mailbox.delivered(forgedIds[made])) ++taken;
        }
    }

    function handled() external view returns (uint256) {
        return there.recipient.count();
    }

    // ---- inside

    /// @dev Leaves of which the one from here holds a message that nobody dispatched.
    function _forged(bytes calldata body)
        private
        view
        returns (Leaf.Data[] memory leaves, bytes32[] memory one, bytes memory message)
    {
        message = _message(type(uint32).max, bob, address(there.recipient), body);
        one = new bytes32[](1);
        one[0] = keccak256(message);
        leaves = _leaves();
        leaves[1] = Epochs.leafOf(HERE, one);
    }

    /// @dev Certificate and message, in one of the ways in which they can come.
    function _bring(
        Certificate memory certificate,
        Leaf.Data[] memory leaves,
        bytes32[] memory one,
        bytes memory message,
        uint8 way
    ) private {
        forgedIds.push(one[0]);
        uint64 epoch = certificate.header.epoch;
        bytes memory proof = Epochs.metadata(epoch, leaves, 1, one, 0);
        Certificate[] memory certificates = new Certificate[](1);
        certificates[0] = certificate;
        IBatchProcessor.Item[] memory items = new IBatchProcessor.Item[](way % 3 == 2 ? 0 : 1);
        if (items.length == 1) items[0] = IBatchProcessor.Item(500_000, proof, message);
        if (way % 3 == 0) {
            try there.batch.processBatch(certificates, items) {}
            catch {
                ++refused;
            }
        } else if (way % 3 == 1) {
            try verifier.submit(certificate) {}
            catch {
                ++refused;
            }
            try there.mailbox.process(proof, message) {}
            catch {
                ++refused;
            }
        } else {
            IBatchProcessor.Group[] memory groups = new IBatchProcessor.Group[](1);
            groups[0].module = IAggregateRootIsm(address(there.ism));
            groups[0].gasLimit = 500_000;
            groups[0].proof = Epochs.multiProof(epoch, leaves, 1, one, new uint256[](1));
            groups[0].messages = new bytes[](1);
            groups[0].messages[0] = message;
            try there.batch.processGroups(certificates, groups, items) {}
            catch {
                ++refused;
            }
        }
    }

    function _header(uint64 epoch, bytes32 root) private view returns (EpochHeader memory header) {
        header = headerOf(setId, epoch);
        header.aggregateRoot = root;
    }

    /// @dev Sum of secrets: bits 0 and 1 the coalition's guardians, bit 2 a key of nobody.
    function _sumOf(uint8 by) private pure returns (uint256 sum) {
        if (by & 1 != 0) sum = addmod(sum, secretOf(0), BlsSigner.ORDER);
        if (by & 2 != 0) sum = addmod(sum, secretOf(1), BlsSigner.ORDER);
        if (by & 4 != 0) sum = addmod(sum, secretOf(99), BlsSigner.ORDER);
    }

    /// @dev Sum of two signatures (EIP-2537's BLS12_G2ADD).
    function _add(bytes memory one, bytes memory other) private view returns (bytes memory sum) {
        bool success;
        (success, sum) = address(0x0d).staticcall(bytes.concat(one, other));
        require(success, "addition failed");
    }
}

/// @notice Two thirds of the stake are no quorum: whatever their holder sends, nothing comes in that
/// was not dispatched.
/// forge-config: default.invariant.runs = 12
/// forge-config: default.invariant.depth = 40
contract HostileCoalitionInvariants is GuardianFixture {
    HostileCoalition internal coalition;

    function setUp() public {
        coalition = new HostileCoalition();
        bytes4[] memory selectors = new bytes4[](9);
        selectors[0] = coalition.deliverHonestly.selector;
        selectors[1] = coalition.forge.selector;
        selectors[2] = coalition.forgeWithHonestSignature.selector;
        selectors[3] = coalition.replayQuorum.selector;
        selectors[4] = coalition.forgeMembers.selector;
        selectors[5] = coalition.forgeProof.selector;
        selectors[6] = coalition.deliverTwice.selector;
        selectors[7] = coalition.rotate.selector;
        selectors[8] = coalition.usurp.selector;
        targetSelector(FuzzSelector(address(coalition), selectors));
        targetContract(address(coalition));
    }

    function invariant_nothingForgedComesIn() public view {
        (, uint256 taken) = coalition.forgeries();
        assertEq(taken, 0, "forged messages delivered");
        assertEq(coalition.handled(), coalition.delivered(), "handled messages");
        assertEq(coalition.verifier().guardianSet().setId, 1, "guardian set");
        assertEq(coalition.setId(), 1, "taken over");
    }

    /// @dev The same caller gets in with the third key: the invariant does not hold for want of trying.
    function test_forge_withAllThreeKeys_comesIn() public {
        coalition.forge(0, 3, 0, "refused");
        coalition.forge(4, 3, 0, "refused, too");
        (, uint256 taken) = coalition.forgeries();
        assertEq(taken, 0);
        coalition.forgeWithAll("taken");
        (, taken) = coalition.forgeries();
        assertEq(taken, 1);
    }
}
