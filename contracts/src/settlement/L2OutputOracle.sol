// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";
import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";
import {TrieProof} from "@openzeppelin/contracts/utils/cryptography/TrieProof.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {Governed} from "../metalayer/Governed.sol";
import {IBatchInbox} from "./interfaces/IBatchInbox.sol";
import {IL2OutputOracle} from "./interfaces/IL2OutputOracle.sol";
import {IProofVerifier, PublicInputs} from "./interfaces/IProofVerifier.sol";

/// @title L2OutputOracle
/// @notice Implements {IL2OutputOracle}, which documents it.
contract L2OutputOracle is IL2OutputOracle, Governed {
    using EnumerableSet for EnumerableSet.UintSet;
    using RLP for *;
    using SafeCast for uint256;

    /// @inheritdoc IL2OutputOracle
    uint256 public constant override BOND = 1 ether;
    /// @inheritdoc IL2OutputOracle
    uint256 public constant override SUBMISSION_INTERVAL = 1;
    /// @inheritdoc IL2OutputOracle
    uint256 public constant override L2_BLOCK_TIME = 1;
    /// @inheritdoc IL2OutputOracle
    string public constant override version = "1.8.0";
    address internal constant MESSAGE_PASSER = 0x4200000000000000000000000000000000000016;
    /// @dev What a payment may use: whoever wants more claims it.
    uint256 private constant PAYMENT_GAS = 50_000;
    /// @dev Positions in a header (yellow paper, 4.4) and in an account (4.1).
    uint256 private constant STATE_ROOT = 3;
    uint256 private constant NUMBER = 8;
    uint256 private constant TIMESTAMP = 11;
    uint256 private constant STORAGE_ROOT = 2;

    Config private _config;
    /// @inheritdoc IL2OutputOracle
    bytes32 public override genesisHash;
    /// @inheritdoc IL2OutputOracle
    bytes32 public override genesisStateRoot;
    mapping(uint256 index => Output) private _outputs;
    uint256 private _count;
    uint48 private _serial;
    EnumerableSet.UintSet private _locked;
    /// @dev By serial, so that those of a removed output are not the next one's.
    mapping(uint48 serial => uint256) private _locks;
    /// @inheritdoc IL2OutputOracle
    mapping(address to => uint256) public override owed;

    modifier onlyDisputeGame() {
        if (msg.sender != _config.disputeGame) {
            revert NotDisputeGame(msg.sender, _config.disputeGame);
        }
        _;
    }

    function initialize(address owner_, Config calldata config) external initializer {
        _mustMatch(config.verifier, config.finalizationPeriod);
        __Ownable_init(owner_);
        _config = config;
    }

    /// @inheritdoc IL2OutputOracle
    function setGenesis(bytes32 blockHash, bytes32 stateRoot) external override onlyOwner {
        if (genesisHash != 0 || blockHash == 0) revert GenesisKnown(genesisHash);
        (genesisHash, genesisStateRoot) = (blockHash, stateRoot);
        emit GenesisSet(blockHash, stateRoot);
    }

    /// @inheritdoc IL2OutputOracle
    function setProofSystem(IProofVerifier verifier_, uint64 finalizationPeriod_)
        external
        override
        onlyOwner
    {
        _mustMatch(verifier_, finalizationPeriod_);
        (_config.verifier, _config.finalizationPeriod) = (verifier_, finalizationPeriod_);
        emit ProofSystemSet(address(verifier_), finalizationPeriod_, _count);
    }

    /// @inheritdoc IL2OutputOracle
    function propose(
        bytes calldata header,
        bytes[] calldata messagePasserProof,
        bytes calldata proof
    ) external payable override returns (uint256 index) {
        if (msg.sender != _config.proposer) {
            revert NotProposer(msg.sender, _config.proposer);
        }
        if (msg.value != BOND) revert WrongBond(msg.value, BOND);
        if (genesisHash == 0) revert GenesisUnknown();

        Output memory made = _read(header);
        index = _count;
        if (made.l2BlockNumber <= latestBlockNumber()) {
            revert BlockNotAfter(made.l2BlockNumber, latestBlockNumber());
        }
        made.batchCommitment = _config.inbox.commitment(_config.chainId, made.l2BlockNumber);
        if (made.batchCommitment == 0) revert NotPosted(made.l2BlockNumber);
        made.messagePasserStorageRoot = _storageRoot(made.stateRoot, messagePasserProof);
        made.outputRoot = keccak256(
            abi.encode(uint256(0), made.stateRoot, made.messagePasserStorageRoot, made.blockHash)
        );
        if (address(_config.verifier) != address(0)) _verify(index, made, proof);

        _outputs[index] = made;
        _count = index + 1;
        _serial = made.serial + 1;
        emit OutputProposed(made.outputRoot, index, made.l2BlockNumber, block.timestamp);
    }

    /// @inheritdoc IL2OutputOracle
    function lock(uint256 index) external override onlyDisputeGame {
        if (isFinal(index)) revert AlreadyFinal(index);
        uint256 open = ++_locks[_outputs[index].serial];
        _locked.add(index);
        emit OutputLocked(index, open);
    }

    /// @inheritdoc IL2OutputOracle
    function unlock(uint256 index) external override onlyDisputeGame {
        if (locks(index) == 0) revert NotLocked(index);
        uint256 open = --_locks[_outputs[index].serial];
        if (open == 0) _locked.remove(index);
        emit OutputUnlocked(index, open);
    }

    /// @inheritdoc IL2OutputOracle
    function remove(uint256 index, address winner) external override onlyDisputeGame {
        if (locks(index) == 0) revert NotLocked(index);
        uint256 count = _count;
        for (uint256 left = _locked.length(); left > 0; --left) {
            uint256 one = _locked.at(left - 1);
            if (one >= index) _locked.remove(one);
        }
        _count = index;
        emit OutputsDeleted(count, index);
        _pay(winner, (count - index) * BOND); // none of them was final, so none has its bond back
    }

    /// @inheritdoc IL2OutputOracle
    function withdrawBond(uint256 index) external override {
        if (!isFinal(index)) revert NotFinal(index);
        Output storage found = _outputs[index];
        uint256 bond = found.bond;
        if (bond == 0) revert NothingOwed(found.proposer);
        found.bond = 0;
        _pay(found.proposer, bond);
    }

    /// @inheritdoc IL2OutputOracle
    function claim(address to) external override {
        uint256 amount = owed[to];
        if (amount == 0) revert NothingOwed(to);
        owed[to] = 0;
        emit BondPaid(to, amount);
        (bool success,) = to.call{value: amount}("");
        if (!success) revert PaymentFailed(to);
    }

    /// @inheritdoc IL2OutputOracle
    function output(uint256 index) external view override returns (Output memory) {
        return _output(index);
    }

    /// @inheritdoc IL2OutputOracle
    function parentOf(uint256 index)
        public
        view
        override
        returns (bytes32 blockHash, bytes32 stateRoot, uint64 blockNumber)
    {
        if (index == 0) return (genesisHash, genesisStateRoot, 0);
        Output storage found = _output(index - 1);
        return (found.blockHash, found.stateRoot, found.l2BlockNumber);
    }

    /// @inheritdoc IL2OutputOracle
    function isFinal(uint256 index) public view override returns (bool) {
        return block.timestamp >= _output(index).finalAt && index < _firstLocked();
    }

    /// @inheritdoc IL2OutputOracle
    function latestFinalIndex() external view override returns (bool found, uint256 index) {
        uint256 high = Math.min(_count, _firstLocked());
        uint256 low = 0;
        while (low < high) {
            uint256 middle = Math.average(low, high);
            if (isFinal(middle)) low = middle + 1;
            else high = middle;
        }
        return low == 0 ? (false, 0) : (true, low - 1);
    }

    /// @inheritdoc IL2OutputOracle
    function locks(uint256 index) public view override returns (uint256) {
        return _locks[_output(index).serial];
    }

    /// @inheritdoc IL2OutputOracle
    function getL2Output(uint256 index) public view override returns (OutputProposal memory) {
        Output storage found = _output(index);
        return OutputProposal(found.outputRoot, found.proposedAt, found.l2BlockNumber);
    }

    /// @inheritdoc IL2OutputOracle
    function getL2OutputIndexAfter(uint256 blockNumber) public view override returns (uint256) {
        require(
            _count != 0 && blockNumber <= latestBlockNumber(),
            "L2OutputOracle: cannot get output for a block that has not been proposed"
        );
        uint256 low = 0;
        uint256 high = _count - 1;
        while (low < high) {
            uint256 middle = Math.average(low, high);
            if (_outputs[middle].l2BlockNumber < blockNumber) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    /// @inheritdoc IL2OutputOracle
    function getL2OutputAfter(uint256 blockNumber)
        external
        view
        override
        returns (OutputProposal memory)
    {
        return getL2Output(getL2OutputIndexAfter(blockNumber));
    }

    /// @inheritdoc IL2OutputOracle
    function latestOutputIndex() external view override returns (uint256) {
        if (_count == 0) revert NoSuchOutput(0, 0);
        return _count - 1;
    }

    /// @inheritdoc IL2OutputOracle
    function nextOutputIndex() external view override returns (uint256) {
        return _count;
    }

    /// @inheritdoc IL2OutputOracle
    function latestBlockNumber() public view override returns (uint256) {
        return _count == 0 ? 0 : _outputs[_count - 1].l2BlockNumber;
    }

    /// @inheritdoc IL2OutputOracle
    function FINALIZATION_PERIOD_SECONDS() external view override returns (uint256) {
        return _config.finalizationPeriod;
    }

    /// @inheritdoc IL2OutputOracle
    function finalizationPeriodSeconds() external view override returns (uint256) {
        return _config.finalizationPeriod;
    }

    /// @inheritdoc IL2OutputOracle
    function PROPOSER() external view override returns (address) {
        return _config.proposer;
    }

    /// @inheritdoc IL2OutputOracle
    function chainId() external view override returns (uint256) {
        return _config.chainId;
    }

    /// @inheritdoc IL2OutputOracle
    function inbox() external view override returns (IBatchInbox) {
        return _config.inbox;
    }

    /// @inheritdoc IL2OutputOracle
    function disputeGame() external view override returns (address) {
        return _config.disputeGame;
    }

    /// @inheritdoc IL2OutputOracle
    function verifier() external view override returns (IProofVerifier) {
        return _config.verifier;
    }

    /// @dev What the header says, and who proposes it when.
    function _read(bytes calldata header) private view returns (Output memory made) {
        Memory.Slice[] memory fields = bytes(header).decodeList();
        if (fields.length <= TIMESTAMP) revert InvalidHeader();
        made.blockHash = keccak256(header);
        made.stateRoot = fields[STATE_ROOT].readBytes32();
        made.l2BlockNumber = fields[NUMBER].readUint256().toUint64();
        made.l2Timestamp = fields[TIMESTAMP].readUint256().toUint48();
        made.proposedAt = block.timestamp.toUint48();
        uint256 before = _count == 0 ? 0 : _outputs[_count - 1].finalAt;
        made.finalAt = Math.max(block.timestamp + _config.finalizationPeriod, before).toUint48();
        made.serial = _serial;
        made.proposer = msg.sender;
        made.bond = BOND.toUint96();
    }

    function _storageRoot(bytes32 stateRoot, bytes[] calldata proof)
        private
        pure
        returns (bytes32)
    {
        bytes memory key = abi.encodePacked(keccak256(abi.encodePacked(MESSAGE_PASSER)));
        return TrieProof.traverse(stateRoot, key, proof).decodeList()[STORAGE_ROOT].readBytes32();
    }

    function _verify(uint256 index, Output memory made, bytes calldata proof) private view {
        (bytes32 previousHash, bytes32 previousStateRoot,) = parentOf(index);
        PublicInputs memory inputs = PublicInputs({
            chainId: _config.chainId,
            previousBlockHash: previousHash,
            previousStateRoot: previousStateRoot,
            blockHash: made.blockHash,
            stateRoot: made.stateRoot,
            messagePasserStorageRoot: made.messagePasserStorageRoot,
            batchCommitment: made.batchCommitment
        });
        if (!_config.verifier.verify(inputs, proof)) revert InvalidProof();
    }

    function _mustMatch(IProofVerifier verifier_, uint64 period) private pure {
        if ((address(verifier_) == address(0)) == (period == 0)) revert WindowWithVerifier();
    }

    /// @dev What `to` does not take waits for it: nobody can keep an output by refusing its bond.
    function _pay(address to, uint256 amount) private {
        (bool success,) = to.call{value: amount, gas: PAYMENT_GAS}("");
        if (success) {
            emit BondPaid(to, amount);
        } else {
            owed[to] += amount;
            emit BondOwed(to, amount);
        }
    }

    function _output(uint256 index) private view returns (Output storage) {
        if (index >= _count) revert NoSuchOutput(index, _count);
        return _outputs[index];
    }

    /// @dev Index of the first output with an open dispute; beyond all when there is none.
    function _firstLocked() private view returns (uint256 first) {
        first = type(uint256).max;
        for (uint256 left = _locked.length(); left > 0; --left) {
            first = Math.min(first, _locked.at(left - 1));
        }
    }
}
