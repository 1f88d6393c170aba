"""Contract state for genesis: made once per content hash (`baking`), loaded by every chain.

The result is five files, committed for the contracts of this version and made anew in the
user's cache when contracts or parameters were edited::

    l1.json, rollup.json   {"accounts": {address: {nonce, balance, code, storage}}}, contracts only
    op-stack.json          the same: what rollups that take deposits have besides
    surfaces.json          {framework: accounts}, what rollups of it that settle have besides those
    manifest.json          {"content_hash", "addresses": {key: address}, "patch_slots", …}

What differs by devnet or chain is patched into them by `Genesis.alloc` (docs/formats.md,
"Documented slots").
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from control_plane.adapters.evm import deployment
from control_plane.adapters.evm.bake_sources import (
    OP_STACK_FILE,
    SURFACES_FILE,
    Alloc,
    Sources,
    content_hash,
)
from control_plane.domain.calls import selector
from control_plane.domain.errors import StorageFailed
from control_plane.domain.hashing import keccak256 as keccak
from control_plane.domain.hexes import from_hex, hex_word
from control_plane.domain.plan import GasToken
from control_plane.domain.settlement.gas_tokens import l1_block_words
from control_plane.domain.settlement.places import address_of
from control_plane.resources import genesis_dir


@dataclass(frozen=True)
class Genesis:
    """Baked state on disk. Reads the large files when first asked for them."""

    directory: Path

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        loaded: Mapping[str, Any] = json.loads((self.directory / "manifest.json").read_bytes())
        return loaded

    @property
    def content_hash(self) -> str:
        return str(self.manifest["content_hash"])

    @property
    def addresses(self) -> Mapping[str, str]:
        """Checksummed addresses by key (``mailbox``, ``era``, … ``multicall3``)."""
        addresses: Mapping[str, str] = self.manifest["addresses"]
        return addresses

    def alloc(self, *, is_l1: bool, chain_id: int, domain: int, governor: str) -> Alloc:
        """Accounts of a chain's genesis, patched for it; the caller adds funded accounts."""
        path = self.directory / ("l1.json" if is_l1 else "rollup.json")
        accounts: Alloc = orjson.loads(path.read_bytes())["accounts"]
        slots = {"domain": hex_word(domain), "governor": hex_word(int(governor, 16))}
        for patch in self.manifest["patch_slots"].values():
            storage = accounts[patch["address"]]["storage"]
            storage[patch["slot"]] = slots[patch["value"]]
        words = {"chainId": hex_word(chain_id)}
        for patch in self.manifest["patch_code"]:
            account = accounts[patch["address"]]
            words["domainSeparator"] = _domain_separator(patch["address"], chain_id)
            account["code"] = _patched(account["code"], patch["offset"], words[patch["value"]])
        return accounts

    def op_stack(self, bridge_of: int | None = None, coin: GasToken | None = None) -> Alloc:
        """The OP Stack's predeploys, which the genesis of a rollup that takes deposits has besides
        :meth:`alloc`'s accounts; the bridge's too when `bridge_of` names the chain id of a rollup
        that has one. `coin`: the token of the L1 that is the rollup's coin."""
        accounts: Alloc = self._besides(OP_STACK_FILE, "The OP Stack's predeploys")["accounts"]
        for predeploy in deployment.OP_STACK:
            if predeploy.bridge and bridge_of is None:
                accounts.pop(predeploy.address, None)
            elif predeploy.peer is not None and bridge_of is not None:
                self._introduce(accounts, predeploy.address, predeploy.peer, bridge_of)
        if coin is not None:
            if selector("gasPayingToken()").hex() not in accounts[deployment.L1_BLOCK]["code"]:
                raise _older("Contracts for gas tokens", self.directory / OP_STACK_FILE)
            storage = accounts[deployment.L1_BLOCK]["storage"]
            words = l1_block_words(coin, self.addresses)
            storage |= {hex_word(slot): hex_word(value) for slot, value in words.items()}
        return accounts

    def surface(self, framework: str | None, chain_id: int) -> Alloc:
        """What else `framework` has at fixed addresses on rollup `chain_id`; nothing for one
        without."""
        if framework is None or framework not in deployment.SURFACES:
            return {}
        alloc: Alloc = self._besides(SURFACES_FILE, "The framework's contracts")[framework]
        for predeploy in deployment.SURFACES[framework]:
            if predeploy.peer is not None:
                self._introduce(alloc, predeploy.address, predeploy.peer, chain_id)
        return alloc

    def _introduce(
        self, accounts: Alloc, address: str, peer: tuple[int, str], chain_id: int
    ) -> None:
        """Tells a predeploy of its peer, who is rollup `chain_id`'s own."""
        slot, name = peer
        at = address_of(self.addresses, name, chain_id)
        accounts[address]["storage"][hex_word(slot)] = hex_word(int.from_bytes(at))

    def _besides(self, name: str, what: str) -> dict[str, Any]:
        path = self.directory / name
        try:
            loaded: dict[str, Any] = orjson.loads(path.read_bytes())
        except OSError as error:
            raise _older(what, path, error.strerror or str(error)) from error
        return loaded


def _older(what: str, path: Path, why: str = "it has none") -> StorageFailed:
    return StorageFailed(
        f"{what} are missing",
        f"{path}: {why}",
        "A devnet of an older version has none: take it down and start it anew.",
    )


def ensure_genesis(
    anvil: Callable[[], Path],
    cache: Path,
    *,
    sources: Sources | None = None,
    packaged: Path | None = None,
) -> Genesis:
    """The baked state of the contracts as they are: the package's, the cache's, or made now.

    Milliseconds unless it must be made (seconds, then `anvil` is asked for a binary; run it in a
    thread). Raises PermanentFailure when a contract can't be deployed, StorageFailed when the
    cache can't be written.
    """
    sources = sources or Sources.of_package()
    wanted = content_hash(sources)
    cached = cache / "genesis" / wanted
    for directory in (packaged or genesis_dir(), cached):
        if _has(directory, wanted):
            return Genesis(directory)
    from control_plane.adapters.evm.baking import bake  # only who edited contracts needs it

    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".bake-", dir=cached.parent) as scratch:
            made = Path(scratch) / "genesis"
            bake(anvil(), made, sources)
            shutil.rmtree(cached, ignore_errors=True)
            _rename(made, cached, wanted)
    except OSError as error:
        raise StorageFailed(
            "Baked contracts can't be stored",
            f"{error.strerror or error}: {error.filename or cached}",
            "free some space, or set CALDERA_CACHE to a directory that can be written",
        ) from error
    return Genesis(cached)


def _rename(made: Path, target: Path, wanted: str) -> None:
    try:
        made.rename(target)
    except OSError:
        # another process made the same one at the same time
        if not _has(target, wanted):
            raise


def _has(directory: Path, wanted: str) -> bool:
    try:
        return Genesis(directory).content_hash == wanted
    except (OSError, ValueError, KeyError):
        return False


def _domain_separator(address: str, chain_id: int) -> str:
    """Permit2's EIP-712 domain separator (name and contract, no version)."""
    domain = b"EIP712Domain(string name,uint256 chainId,address verifyingContract)"
    # Four static words by hand: the general encoder costs 70 ms of import at every cold start.
    words = (
        keccak(domain),
        keccak(b"Permit2"),
        chain_id.to_bytes(32),
        from_hex(address).rjust(32, b"\0"),
    )
    return "0x" + keccak(b"".join(words)).hex()


def _patched(code: str, offset: int, word: str) -> str:
    start = 2 + 2 * offset
    return code[:start] + word[2:] + code[start + 64 :]
