"""How the programs on which rollups run differ for whoever derives these."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from control_plane.adapters.derivation.anvil_evm import AnvilEvm, AnvilOpStackEvm
from control_plane.adapters.derivation.evm import Evm
from control_plane.adapters.derivation.headers import (
    NO_REQUESTS,
    NO_UNCLES,
    Parent,
    Wrong,
    wrong_successor,
)
from control_plane.adapters.derivation.op_geth_evm import OpGethEvm
from control_plane.adapters.derivation.state_trie import (
    AnvilTrie,
    EthereumTrie,
    StateTrie,
    anvil_alloc,
)
from control_plane.domain import rlp
from control_plane.domain.channels import ChannelBlock
from control_plane.domain.op_stack import is_op_geth
from control_plane.domain.settlement.proofs import MESSAGE_PASSER
from control_plane.domain.trie import EMPTY_TRIE

_BLOOM: Final = bytes(256)


class Flavour(Protocol):
    """One program and the genesis of one rollup."""

    def open(self) -> tuple[Evm, StateTrie]:
        """The state at genesis."""

    def block_zero(self, trie: StateTrie, /) -> Parent | None:
        """What block 1 depends on; None where the program makes block 0 of less than the whole
        header, so that its hash is taken as given."""

    def withdrawals_root(self, trie: StateTrie, /) -> bytes:
        """As the header of the block has it after which `trie` stands."""

    def wrong(self, block: ChannelBlock, parent: Parent, /) -> Wrong | None:
        """The first thing in the header of `block` that does not follow from its parent's."""


class Anvil:
    """Its blocks may have any timestamp, base fee and gas limit."""

    def __init__(self, genesis: Mapping[str, Any]) -> None:
        self._alloc = anvil_alloc(genesis["alloc"])
        self._config = genesis["config"]

    def open(self) -> tuple[Evm, StateTrie]:
        """See :class:`Flavour`."""
        kind = AnvilOpStackEvm if "optimism" in self._config else AnvilEvm
        evm = kind(int(self._config["chainId"]), self._alloc)
        return evm, AnvilTrie(evm, self._alloc)

    def block_zero(self, _: StateTrie) -> Parent | None:
        """See :class:`Flavour`."""
        return None

    def withdrawals_root(self, _: StateTrie) -> bytes:
        """There are none."""
        return EMPTY_TRIE

    def wrong(self, _: ChannelBlock, __: Parent) -> Wrong | None:
        """See :class:`Flavour`."""
        return None


class OpGeth:
    """With the OP Stack's forks up to Jovian from block 0 on."""

    def __init__(self, genesis: Mapping[str, Any]) -> None:
        """ValueError for a genesis of other forks."""
        if genesis["config"].get("jovianTime") != 0:
            raise ValueError("only chains of Jovian are executed again")
        self._genesis = genesis

    def open(self) -> tuple[Evm, StateTrie]:
        """See :class:`Flavour`."""
        alloc = self._genesis["alloc"]
        evm = OpGethEvm(int(self._genesis["config"]["chainId"]), alloc)
        return evm, EthereumTrie(evm, alloc)

    def block_zero(self, trie: StateTrie) -> Parent | None:
        """See :class:`Flavour`."""
        genesis = self._genesis
        number = rlp.encode_int
        header = rlp.encode(
            [
                bytes(32),
                NO_UNCLES,
                _bytes(genesis["coinbase"]),
                trie.root(),
                EMPTY_TRIE,
                EMPTY_TRIE,
                _BLOOM,
                number(0),
                number(0),
                number(int(genesis["gasLimit"], 16)),
                number(0),
                number(int(genesis["timestamp"], 16)),
                _bytes(genesis["extraData"]),
                _bytes(genesis["mixHash"]),
                int(genesis["nonce"], 16).to_bytes(8),
                number(int(genesis["baseFeePerGas"], 16)),
                self.withdrawals_root(trie),
                number(0),
                number(0),
                bytes(32),
                NO_REQUESTS,
            ]
        )
        return Parent.of_header(header)

    def withdrawals_root(self, trie: StateTrie) -> bytes:
        """That of the message passer's storage (Isthmus)."""
        return trie.storage_root(MESSAGE_PASSER)

    def wrong(self, block: ChannelBlock, parent: Parent) -> Wrong | None:
        """See :class:`Flavour`."""
        return wrong_successor(block, parent)


def flavour_of(genesis: Mapping[str, Any]) -> Flavour:
    """By geth's ``genesis.json``."""
    return OpGeth(genesis) if is_op_geth(genesis) else Anvil(genesis)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])
