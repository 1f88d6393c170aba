// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Governed} from "../metalayer/Governed.sol";
import {BoundedCall} from "../metalayer/libs/BoundedCall.sol";
import {StateTrie} from "../metalayer/libs/StateTrie.sol";
import {IL2OutputOracle} from "../settlement/interfaces/IL2OutputOracle.sol";
import {
    IOptimismPortal,
    OutputRootProof,
    WithdrawalTransaction
} from "./interfaces/IOptimismPortal.sol";
import {Callers} from "./libs/Callers.sol";
import {GasTokens} from "./libs/GasTokens.sol";

/// @title OptimismPortal
/// @notice Implements {IOptimismPortal}, which documents it.
contract OptimismPortal is IOptimismPortal, Governed {
    using SafeERC20 for IERC20;

    /// @notice Gas of a deposit made by sending coins here.
    uint64 public constant RECEIVE_DEFAULT_GAS_LIMIT = 100_000;
    /// @notice Gas for the rollup that one L1 block can buy.
    uint64 public constant MAX_GAS_PER_BLOCK = 20_000_000;
    /// @notice Bytes of data that a deposit can have.
    uint256 public constant MAX_DATA = 120_000;
    /// @notice Wei that a rollup can count in one deposit, and so for all that is locked: nobody can
    /// mint a token without end and bring the rollup down with it.
    uint256 public constant MAX_MINTED = type(uint128).max;
    uint256 private constant VERSION = 0;
    /// @dev What {l2Sender} is while no withdrawal is made; as on the OP Stack.
    address private constant NOBODY = 0x000000000000000000000000000000000000dEaD;
    /// @dev Slot of `sentMessages` in the rollup's L2ToL1MessagePasser.
    uint256 private constant SENT_MESSAGES_SLOT = 0;
    /// @dev Hash of the RLP of `true`, which is how the slot of a withdrawal stands in the trie.
    bytes32 private constant SENT = keccak256(hex"01");

    struct Proven {
        bytes32 outputRoot;
        uint128 timestamp;
        uint128 l2OutputIndex;
    }

    /// @inheritdoc IOptimismPortal
    uint256 public override rollupChainId;
    uint64 private _meteredBlock;
    uint64 private _boughtGas;
    /// @inheritdoc IOptimismPortal
    address public override l2Oracle;
    /// @inheritdoc IOptimismPortal
    mapping(bytes32 withdrawalHash => Proven) public override provenWithdrawals;
    /// @inheritdoc IOptimismPortal
    mapping(bytes32 withdrawalHash => bool) public override finalizedWithdrawals;
    /// @dev Zero for ether.
    address private _gasToken;
    uint8 private _gasTokenDecimals;
    /// @dev Units of the gas token that deposits locked and withdrawals have not released. What is sent
    /// here without a deposit does not count.
    uint256 private _escrow;
    /// @inheritdoc IOptimismPortal
    address public override relay;
    address private transient _l2Sender;
    bool private transient _isMoving;

    /// @dev A token could call back while it is moved (ERC-777): nothing else moves then.
    modifier moving() {
        if (_isMoving) revert Reentered();
        _isMoving = true;
        _;
        _isMoving = false;
    }

    /// @notice Coins sent here go to the sender's own address on the rollup.
    receive() external payable {
        depositTransaction(msg.sender, msg.value, RECEIVE_DEFAULT_GAS_LIMIT, false, "");
    }

    /// @param l2Oracle_ The rollup's outputs; zero for a portal that takes deposits only.
    /// @param gasToken_ The token of this chain that is the rollup's coin; zero for ether.
    function initialize(
        address owner_,
        uint256 rollupChainId_,
        address l2Oracle_,
        address gasToken_
    ) external initializer {
        __Ownable_init(owner_);
        rollupChainId = rollupChainId_;
        l2Oracle = l2Oracle_;
        if (gasToken_ == address(0)) return;
        uint8 decimals = IERC20Metadata(gasToken_).decimals();
        if (decimals > GasTokens.COIN_DECIMALS) revert TooManyDecimals(gasToken_, decimals);
        _gasToken = gasToken_;
        _gasTokenDecimals = decimals;
    }

    /// @inheritdoc IOptimismPortal
    function depositERC20Transaction(
        address to,
        uint256 mint,
        uint256 value,
        uint64 gasLimit,
        bool isCreation,
        bytes memory data
    ) external override {
        if (_gasToken == address(0)) revert OnlyEther();
        uint256 held = _escrow + mint;
        uint256 most = MAX_MINTED / _scale();
        if (held > most) revert EscrowTooLarge(held, most);
        _escrow = held;
        _order(_sender(), to, mint * _scale(), value, gasLimit, isCreation, data);
        if (mint != 0) _take(mint);
    }

    /// @inheritdoc IOptimismPortal
    function setRelay(address relay_) external override onlyOwner {
        relay = relay_;
        emit RelaySet(relay_);
    }

    /// @inheritdoc IOptimismPortal
    function relayTransaction(
        address from,
        address to,
        uint256 value,
        uint64 gasLimit,
        bytes memory data
    ) external payable override {
        if (msg.sender != relay) revert NotRelay(msg.sender);
        _checkCoins();
        _order(from, to, msg.value, value, gasLimit, false, data);
    }

    /// @inheritdoc IOptimismPortal
    function proveWithdrawalTransaction(
        WithdrawalTransaction memory withdrawal,
        uint256 l2OutputIndex,
        OutputRootProof calldata outputRootProof,
        bytes[] calldata withdrawalProof
    ) external override {
        if (withdrawal.target == address(this)) {
            revert UnsafeTarget(withdrawal.target);
        }
        _checkGasToken(withdrawal);
        bytes32 posted = _outputRoot(l2OutputIndex);
        bytes32 computed = keccak256(abi.encode(outputRootProof));
        if (posted != computed) revert InvalidOutputRootProof(posted, computed);

        bytes32 withdrawalHash = _hash(withdrawal);
        _checkUnproven(withdrawalHash);
        if (!_isSent(withdrawalHash, outputRootProof.messagePasserStorageRoot, withdrawalProof)) {
            revert InvalidWithdrawalProof(withdrawalHash);
        }
        provenWithdrawals[withdrawalHash] =
            Proven(posted, uint128(block.timestamp), uint128(l2OutputIndex));
        emit WithdrawalProven(withdrawalHash, withdrawal.sender, withdrawal.target);
    }

    /// @inheritdoc IOptimismPortal
    function finalizeWithdrawalTransaction(WithdrawalTransaction memory withdrawal)
        external
        override
    {
        if (_l2Sender != address(0)) revert Reentered();
        bytes32 withdrawalHash = _hash(withdrawal);
        if (finalizedWithdrawals[withdrawalHash]) revert AlreadyFinalized(withdrawalHash);
        _checkProven(withdrawalHash);
        uint256 wanted = withdrawal.value / _scale();
        if (wanted > balance()) revert EscrowTooSmall(wanted, balance());

        finalizedWithdrawals[withdrawalHash] = true;
        bool isPaid = _gasToken != address(0);
        if (isPaid && wanted != 0) {
            _escrow -= wanted;
            _pay(withdrawal.target, wanted);
        }
        _l2Sender = withdrawal.sender;
        // looked at last before the call: what comes between would be taken from the call
        if (!BoundedCall.covers(gasleft(), withdrawal.gasLimit)) {
            revert InsufficientGas(withdrawal.gasLimit);
        }
        bool success = true;
        if (!isPaid || withdrawal.data.length != 0) {
            uint256 coins = isPaid ? 0 : withdrawal.value;
            (success,) = BoundedCall.tryCall(withdrawal.target, coins, gasleft(), withdrawal.data);
        }
        _l2Sender = address(0);
        emit WithdrawalFinalized(withdrawalHash, success);
    }

    /// @inheritdoc IOptimismPortal
    function donateETH() external payable override {
        _checkCoins();
    }

    /// @inheritdoc IOptimismPortal
    function isOutputFinalized(uint256 index) external view override returns (bool) {
        _outputRoot(index);
        return IL2OutputOracle(l2Oracle).isFinal(index);
    }

    /// @inheritdoc IOptimismPortal
    function l2Sender() external view override returns (address) {
        return _l2Sender == address(0) ? NOBODY : _l2Sender;
    }

    /// @inheritdoc IOptimismPortal
    function version() external pure override returns (string memory) {
        return "2.0.0";
    }

    /// @inheritdoc IOptimismPortal
    function depositTransaction(
        address to,
        uint256 value,
        uint64 gasLimit,
        bool isCreation,
        bytes memory data
    ) public payable override {
        _checkCoins();
        _order(_sender(), to, msg.value, value, gasLimit, isCreation, data);
    }

    /// @inheritdoc IOptimismPortal
    function balance() public view override returns (uint256) {
        return _gasToken == address(0) ? address(this).balance : _escrow;
    }

    /// @inheritdoc IOptimismPortal
    function gasPayingToken() public view override returns (address token, uint8 decimals) {
        if (_gasToken == address(0)) return (GasTokens.ETHER, GasTokens.COIN_DECIMALS);
        return (_gasToken, _gasTokenDecimals);
    }

    /// @inheritdoc IOptimismPortal
    function minimumGasLimit(uint64 byteCount) public pure override returns (uint64) {
        return byteCount * 40 + 21_000;
    }

    /// @dev Has the sequencer make the deposit; `minted` and `value` in wei of the rollup.
    function _order(
        address from,
        address to,
        uint256 minted,
        uint256 value,
        uint64 gasLimit,
        bool isCreation,
        bytes memory data
    ) private {
        if (isCreation && to != address(0)) revert BadTarget(to);
        if (data.length > MAX_DATA) revert CalldataTooLarge(data.length);
        uint64 minimum = minimumGasLimit(uint64(data.length));
        if (gasLimit < minimum) revert GasLimitTooLow(gasLimit, minimum);
        _meter(gasLimit);

        bytes memory opaqueData = abi.encodePacked(minted, value, gasLimit, isCreation, data);
        emit TransactionDeposited(from, to, VERSION, opaqueData);
    }

    /// @dev A contract's address may belong to somebody else on the rollup, so it is shifted there.
    function _sender() private view returns (address) {
        return Callers.isAccount(msg.sender) ? msg.sender : Callers.aliased(msg.sender);
    }

    /// @dev Locks tokens of the caller's, who has approved it.
    function _take(uint256 units) private moving {
        IERC20 token = IERC20(_gasToken);
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), units);
        _checkMoved(token.balanceOf(address(this)) - before, units);
    }

    /// @dev Releases locked tokens.
    function _pay(address to, uint256 units) private moving {
        IERC20 token = IERC20(_gasToken);
        uint256 before = token.balanceOf(address(this));
        token.safeTransfer(to, units);
        _checkMoved(before - token.balanceOf(address(this)), units);
    }

    function _meter(uint64 gasLimit) private {
        uint64 bought = _meteredBlock == block.number ? _boughtGas : 0;
        uint64 left = MAX_GAS_PER_BLOCK - bought;
        if (gasLimit > left) revert OutOfGas(gasLimit, left);
        _meteredBlock = uint64(block.number);
        _boughtGas = bought + gasLimit;
    }

    /// @dev Wei of the rollup for one unit of its coin here.
    function _scale() private view returns (uint256) {
        return _gasToken == address(0) ? 1 : GasTokens.scaleOf(_gasTokenDecimals);
    }

    /// @dev Reverts when coins come that the rollup has none of.
    function _checkCoins() private view {
        if (msg.value != 0 && _gasToken != address(0)) revert OnlyGasToken(_gasToken);
    }

    function _checkMoved(uint256 moved, uint256 expected) private view {
        if (moved != expected) revert InexactTransfer(_gasToken, moved, expected);
    }

    /// @dev What the rollup's contracts never send: a call of the token in this portal's name, who holds
    /// what is locked, and parts of a unit.
    function _checkGasToken(WithdrawalTransaction memory withdrawal) private view {
        if (_gasToken != address(0) && withdrawal.target == _gasToken) {
            revert BadTarget(withdrawal.target);
        }
        uint256 unit = _scale();
        if (withdrawal.value % unit != 0) revert DustNotWithdrawable(withdrawal.value, unit);
    }

    /// @dev Reverts when the withdrawal stands proven against an output that stands.
    function _checkUnproven(bytes32 withdrawalHash) private view {
        Proven storage proven = provenWithdrawals[withdrawalHash];
        if (proven.timestamp != 0 && _stands(proven)) {
            revert AlreadyProven(withdrawalHash, proven.l2OutputIndex);
        }
    }

    /// @dev Reverts unless the withdrawal is proven against a final output.
    function _checkProven(bytes32 withdrawalHash) private view {
        Proven storage proven = provenWithdrawals[withdrawalHash];
        if (proven.timestamp == 0) revert NotProven(withdrawalHash);
        uint256 index = proven.l2OutputIndex;
        if (!_stands(proven)) revert OutputRemoved(withdrawalHash, index);
        if (!IL2OutputOracle(l2Oracle).isFinal(index)) revert OutputNotFinal(index);
    }

    /// @dev Whether the output that was proven against is still where it was.
    function _stands(Proven storage proven) private view returns (bool) {
        IL2OutputOracle outputs = IL2OutputOracle(l2Oracle);
        uint256 index = proven.l2OutputIndex;
        return index < outputs.nextOutputIndex()
            && outputs.getL2Output(index).outputRoot == proven.outputRoot;
    }

    function _outputRoot(uint256 index) private view returns (bytes32) {
        if (l2Oracle == address(0)) revert NoOutputs();
        IL2OutputOracle outputs = IL2OutputOracle(l2Oracle);
        uint256 count = outputs.nextOutputIndex();
        if (index >= count) revert UnknownOutput(index, count);
        return outputs.getL2Output(index).outputRoot;
    }

    function _isSent(bytes32 withdrawalHash, bytes32 root, bytes[] memory nodes)
        private
        pure
        returns (bool)
    {
        bytes32 slot = keccak256(abi.encode(withdrawalHash, SENT_MESSAGES_SLOT));
        (bool proven, bytes memory value) =
            StateTrie.getInOrder(root, keccak256(abi.encode(slot)), nodes);
        return proven && keccak256(value) == SENT;
    }

    function _hash(WithdrawalTransaction memory withdrawal) private pure returns (bytes32) {
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
}
