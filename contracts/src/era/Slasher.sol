// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {BlockHeader} from "@openzeppelin/contracts/utils/BlockHeader.sol";
import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Governed} from "../metalayer/Governed.sol";
import {IAggregateRootIsm} from "../metalayer/interfaces/IAggregateRootIsm.sol";
import {EpochHeader, IRootVerifier, QuorumProof} from "../metalayer/interfaces/IRootVerifier.sol";
import {IStateVerifier} from "../metalayer/interfaces/IStateVerifier.sol";
import {BLS12381} from "../metalayer/libs/BLS12381.sol";
import {EpochHeaders} from "../metalayer/libs/EpochHeaders.sol";
import {GuardianSets} from "../metalayer/libs/GuardianSets.sol";
import {Leaf} from "../metalayer/libs/Leaf.sol";
import {MetaProof} from "../metalayer/libs/MetaProof.sol";
import {QuorumProofs} from "../metalayer/libs/QuorumProofs.sol";
import {StateTrie} from "../metalayer/libs/StateTrie.sol";
import {IFinalOutputs} from "./interfaces/IFinalOutputs.sol";
import {IGuardianRegistry} from "./interfaces/IGuardianRegistry.sol";
import {ISlasher, Refutation, Seat, Vote} from "./interfaces/ISlasher.sol";

/// @title Slasher
/// @notice Implements {ISlasher}, which documents it.
/// @dev It holds no ERA but within a report: what the registry hands over goes on at once.
contract Slasher is ISlasher, Governed {
    using EpochHeaders for EpochHeader;
    using MetaProof for bytes;
    using SafeERC20 for IERC20;

    uint256 private constant WHOLE = 10_000;
    bytes32 private constant COUNT_SLOT = bytes32(uint256(32));
    bytes32 private constant ROOT_SLOT = bytes32(uint256(33));

    /// @inheritdoc ISlasher
    IGuardianRegistry public immutable override registry;
    /// @inheritdoc ISlasher
    IRootVerifier public immutable override rootVerifier;
    /// @inheritdoc ISlasher
    address public immutable override merkleTreeHook;

    /// @inheritdoc ISlasher
    address public override treasury;
    /// @inheritdoc ISlasher
    uint16 public override equivocationShare;
    /// @inheritdoc ISlasher
    uint16 public override falseLeafShare;
    /// @inheritdoc ISlasher
    uint16 public override rewardShare;
    /// @inheritdoc ISlasher
    IFinalOutputs public override finalOutputs;
    /// @inheritdoc ISlasher
    mapping(bytes32 offenceId => bool) public override punished;

    constructor(address registry_, address rootVerifier_, address merkleTreeHook_) {
        registry = IGuardianRegistry(registry_);
        rootVerifier = IRootVerifier(rootVerifier_);
        merkleTreeHook = merkleTreeHook_;
    }

    function initialize(address owner_, address treasury_) external initializer {
        __Ownable_init(owner_);
        treasury = treasury_;
        _setShares(10_000, 2_500, 1_000);
    }

    /// @inheritdoc ISlasher
    function reportEquivocation(address guardian, Vote calldata first, Vote calldata second)
        external
        override
    {
        uint64 epoch = first.signed.header.epoch;
        if (second.signed.header.epoch != epoch) {
            revert DifferentEpochs(epoch, second.signed.header.epoch);
        }
        bytes memory key = _keyOf(guardian);
        bytes32 firstHash = _checkVote(guardian, key, first);
        if (_checkVote(guardian, key, second) == firstHash) revert SameHeader(firstHash);
        _punish(guardian, key, Offence.EQUIVOCATION, bytes32(uint256(epoch)), epoch);
    }

    /// @inheritdoc ISlasher
    function reportFalseLeaf(address guardian, Vote calldata vote, Refutation calldata refutation)
        external
        override
    {
        bytes memory key = _keyOf(guardian);
        _checkVote(guardian, key, vote);
        Leaf.Data memory leaf = _signedLeaf(vote.signed.header, refutation.leaf);
        if (
            !_contradictsHeader(leaf, refutation.blockHeader)
                && !_contradictsState(leaf, refutation)
        ) {
            revert LeafHolds();
        }
        _punish(guardian, key, Offence.FALSE_LEAF, Leaf.hash(leaf), vote.signed.header.epoch);
    }

    /// @inheritdoc ISlasher
    function reportNotFinal(address guardian, Vote calldata vote, bytes calldata leafProof)
        external
        override
    {
        bytes memory key = _keyOf(guardian);
        _checkVote(guardian, key, vote);
        Leaf.Data memory leaf = _signedLeaf(vote.signed.header, leafProof);
        if (leaf.finality != Leaf.FINALIZED) revert LeafNotFinalized();
        if (address(finalOutputs) == address(0)) {
            revert OutputUnknown(leaf.domain, leaf.blockNumber);
        }
        (bool known, bytes32 blockHash, bytes32 stateRoot) =
            finalOutputs.finalBlock(leaf.domain, leaf.blockNumber);
        if (!known) revert OutputUnknown(leaf.domain, leaf.blockNumber);
        if (leaf.blockHash == blockHash && leaf.stateRoot == stateRoot) revert LeafHolds();
        _punish(guardian, key, Offence.NOT_FINAL, Leaf.hash(leaf), vote.signed.header.epoch);
    }

    /// @inheritdoc ISlasher
    function slashVerdict(address guardian, bytes32 verdict, uint16 share)
        external
        override
        onlyOwner
    {
        _checkShare(share, 1_000, 5_000);
        _take(guardian, _keyOf(guardian), Offence.FALSE_VERDICT, verdict, 0, share, 0);
    }

    /// @inheritdoc ISlasher
    function setShares(uint16 equivocation, uint16 falseLeaf, uint16 reward)
        external
        override
        onlyOwner
    {
        _setShares(equivocation, falseLeaf, reward);
    }

    /// @inheritdoc ISlasher
    function setFinalOutputs(IFinalOutputs finalOutputs_) external override onlyOwner {
        finalOutputs = finalOutputs_;
        emit FinalOutputsChanged(finalOutputs_);
    }

    // ------------------------------------------------------------ votes

    /// @dev Of an account that has stake to lose: one that left may have come back with another key,
    /// under which its old signatures are none.
    function _keyOf(address guardian) private view returns (bytes memory) {
        IGuardianRegistry.Guardian memory record = registry.guardianOf(guardian);
        if (record.stake == 0 && record.unbonding == 0) {
            revert IGuardianRegistry.NotRegistered(guardian);
        }
        return record.key;
    }

    /// @dev Reverts unless the guardian signed the vote's header; the header's hash.
    function _checkVote(address guardian, bytes memory key, Vote calldata vote)
        private
        view
        returns (bytes32 headerHash)
    {
        bytes32 networkId = rootVerifier.networkId();
        if (networkId == 0) revert NotInstalled();
        QuorumProof calldata quorum = vote.signed.quorum;
        if (vote.seat.length > 1 || (vote.seat.length == 0 && quorum.absent.length != 0)) {
            revert MalformedVote();
        }
        if (vote.seat.length == 1) {
            key = _signers(guardian, key, vote.signed.header.setId, quorum, vote.seat[0]);
        }
        headerHash = vote.signed.header.hash(networkId);
        bool valid =
            BLS12381.verify(key, abi.encode(headerHash), BLS12381.SIGNATURE_TAG, quorum.signature);
        if (!valid) revert InvalidVote(guardian);
    }

    /// @dev Sum of the keys of those who are not absent, the guardian one of them.
    function _signers(
        address guardian,
        bytes memory key,
        uint64 setId,
        QuorumProof calldata quorum,
        Seat calldata seat
    ) private view returns (bytes memory) {
        if (seat.set.setId != setId || registry.setHashes(setId) != keccak256(abi.encode(seat.set)))
        {
            revert UnknownSet(setId);
        }
        bytes32 member = GuardianSets.memberHash(seat.index, guardian, seat.stake, key);
        if (!MerkleProof.verifyCalldata(seat.proof, seat.set.root, member)) {
            revert NotInSet(guardian, setId);
        }
        if (quorum.absent.length == 0) return seat.set.aggregateKey;
        for (uint256 i = 0; i < quorum.absent.length; ++i) {
            if (quorum.absent[i].index == seat.index) revert NotASigner(guardian);
        }
        (key,) = QuorumProofs.signers(quorum, seat.set.root, seat.set.aggregateKey);
        return key;
    }

    // ------------------------------------------------------------ leaves

    /// @dev The leaf of a leaf proof, which must lead to the header's aggregate root.
    function _signedLeaf(EpochHeader calldata header, bytes calldata proof)
        private
        pure
        returns (Leaf.Data memory)
    {
        proof.checkForm();
        uint256 end = proof.messagePathOffset();
        if (proof.length != end) revert IAggregateRootIsm.MetadataLength(end, proof.length);
        bytes32 computed = proof.aggregateRoot();
        if (computed != header.aggregateRoot) revert LeafNotSigned(header.aggregateRoot, computed);
        return Leaf.Data({
            domain: proof.domain(),
            blockNumber: proof.blockNumber(),
            blockHash: proof.blockHash(),
            stateRoot: proof.stateRoot(),
            messageRoot: proof.messageRoot(),
            messageCount: proof.messageCount(),
            finality: proof.finality()
        });
    }

    function _contradictsHeader(Leaf.Data memory leaf, bytes memory header)
        private
        pure
        returns (bool)
    {
        bytes32 hash = keccak256(header);
        if (hash != leaf.blockHash) revert NotTheBlock(leaf.blockHash, hash);
        Memory.Slice[] memory fields = BlockHeader.parseHeader(header);
        return BlockHeader.getNumber(fields) != leaf.blockNumber
            || BlockHeader.getStateRoot(fields) != leaf.stateRoot;
    }

    /// @dev Whether the message tree in the leaf's state is another one. Where the state has no such
    /// account, count and root are zero, as guardians read them.
    function _contradictsState(Leaf.Data memory leaf, Refutation calldata refutation)
        private
        view
        returns (bool)
    {
        bytes[] memory nodes = refutation.nodes;
        bytes memory account = StateTrie.get(
            leaf.stateRoot,
            keccak256(abi.encodePacked(merkleTreeHook)),
            nodes,
            refutation.accountPath
        );
        if (account.length == 0) return leaf.messageCount != 0 || leaf.messageRoot != 0;
        (bool found, bytes memory field) = StateTrie.field(account, 2, 4);
        if (!found || field.length != 32) revert IStateVerifier.AccountNotFound(merkleTreeHook);
        bytes32 storageRoot = bytes32(field);
        return _slot(storageRoot, COUNT_SLOT, nodes, refutation.countPath) != leaf.messageCount
            || _slot(storageRoot, ROOT_SLOT, nodes, refutation.rootPath)
                != uint256(leaf.messageRoot);
    }

    function _slot(bytes32 root, bytes32 slot, bytes[] memory nodes, bytes calldata path)
        private
        pure
        returns (uint256 value)
    {
        bytes memory encoded = StateTrie.get(root, keccak256(abi.encode(slot)), nodes, path);
        if (encoded.length == 0) return 0;
        bool found;
        (found, value) = StateTrie.number(encoded);
        if (!found) revert IStateVerifier.InvalidTrieProof(root, path.length / 2);
    }

    // ------------------------------------------------------------ punishment

    function _punish(
        address guardian,
        bytes memory key,
        Offence offence,
        bytes32 what,
        uint64 epoch
    ) private {
        uint256 share = offence == Offence.EQUIVOCATION ? equivocationShare : falseLeafShare;
        _take(guardian, key, offence, what, epoch, share, rewardShare);
    }

    /// @dev A share of all that the guardian has now, in a set or unbonding; rounded down. Of it the
    /// reporter's share.
    function _take(
        address guardian,
        bytes memory key,
        Offence offence,
        bytes32 what,
        uint64 epoch,
        uint256 share,
        uint256 reportersShare
    ) private {
        bytes32 offenceId = keccak256(abi.encode(offence, keccak256(key), what));
        if (punished[offenceId]) revert AlreadyPunished(offenceId);
        punished[offenceId] = true;

        IGuardianRegistry.Guardian memory record = registry.guardianOf(guardian);
        uint256 amount = (uint256(record.stake) + record.unbonding) * share / WHOLE;
        uint256 reward = amount * reportersShare / WHOLE;
        // forge-lint: disable-start(unsafe-typecast)
        // neither is more than the stake
        emit Slashed(
            guardian, offence, offenceId, epoch, uint96(amount), uint96(reward), msg.sender
        );
        registry.slash(guardian, uint96(amount));
        // forge-lint: disable-end(unsafe-typecast)
        IERC20 era = registry.era();
        era.safeTransfer(msg.sender, reward);
        era.safeTransfer(treasury, amount - reward);
    }

    function _setShares(uint16 equivocation, uint16 falseLeaf, uint16 reward) private {
        _checkShare(equivocation, 1, WHOLE);
        _checkShare(falseLeaf, 1_000, 5_000);
        _checkShare(reward, 0, 5_000);
        equivocationShare = equivocation;
        falseLeafShare = falseLeaf;
        rewardShare = reward;
        emit SharesChanged(equivocation, falseLeaf, reward);
    }

    function _checkShare(uint256 share, uint256 least, uint256 most) private pure {
        if (share < least || share > most) revert ShareOutOfBounds(share, least, most);
    }
}
