"""Settlement on the L1: contracts made, and told of each other, for rollups that settle.

No part of the baked genesis, for most devnets do without. Portals and bridges are beside
(``portals.py``), and so is the inbox (``inbox.py``).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from control_plane.adapters.evm.inbox import GovernorCall
from control_plane.adapters.evm.keys import derive
from control_plane.adapters.evm.portals import creation_code
from control_plane.adapters.evm.signer import account
from control_plane.domain.calls import Call, encode_call, execute_batch, tail, word
from control_plane.domain.hexes import from_hex
from control_plane.domain.ids import Hex
from control_plane.domain.network import Keys, Network
from control_plane.domain.op_stack import create3_address
from control_plane.domain.plan import ChainPlan
from control_plane.domain.ports.node import Account, Rpc
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement import inbox_address, settles
from control_plane.domain.settlement.places import PORTAL, RELAYS, address_of, salt_of
from control_plane.domain.switching import was_ever

_IMPLEMENTATION_GAS: Final = 5_000_000
_PROXY_GAS: Final = 1_000_000
_TELL_GAS: Final = 150_000
_PAYMENT_GAS: Final = 21_000
_PAYMENT: Final = 1_000_000 * 10**18
"""Wei that an agent gets, once: fees and bonds are never what stops a devnet."""
_ORACLE_TYPES: Final = "address,(uint256,address,address,address,address,uint64)"


def agent_account(keys: Keys, chain_id: int, role: str) -> Account:
    """Of rollup `chain_id`'s ``proposer``, ``prover`` …, from the devnet's governor's key."""
    return account(derive(keys.governor.key, f"settlement/{chain_id}/{role}"))


@dataclass(frozen=True, slots=True)
class _Site:
    """What contracts are set up with."""

    contracts: Mapping[str, Hex]
    keys: Keys

    @property
    def owner(self) -> bytes:
        return from_hex(self.contracts["governanceExecutor"])

    def at(self, name: str, chain_id: int | None = None) -> bytes:
        return address_of(self.contracts, name, chain_id)

    def account(self, chain: ChainPlan, role: str) -> bytes:
        return from_hex(agent_account(self.keys, chain.chain_id, role).address)


@dataclass(frozen=True, slots=True)
class _Told:
    """What a contract has to know: a getter, whose answer is a word, and the call that sets it."""

    contract: bytes
    getter: bytes
    wanted: bytes
    """Its last twenty bytes."""
    setter: bytes
    is_born_with: bool = False
    """The contract is made with it: told only where it knows something else."""


SetUp = Callable[[_Site, ChainPlan], bytes]
"""The call that initialises a contract, of any rollup that wants it where all share it."""


def _owned(site: _Site, chain: ChainPlan) -> bytes:  # noqa: ARG001
    return encode_call("initialize(address)", site.owner)


def _oracle(site: _Site, chain: ChainPlan) -> bytes:
    proven = chain.proof == "validity"
    return encode_call(
        f"initialize({_ORACLE_TYPES})",
        site.owner,
        chain.chain_id,
        inbox_address(site.contracts),
        site.account(chain, "proposer"),
        site.at("DisputeGame"),
        site.at("AttestationVerifier") if proven else 0,
        0 if proven else chain.finalization_window,
    )


def _game(site: _Site, chain: ChainPlan) -> bytes:  # noqa: ARG001
    return encode_call("initialize(address,address)", site.owner, site.at("GuardianVerdicts"))


SHARED: Final[dict[str, SetUp]] = {
    "FinalOutputs": _owned,
    "AttestationVerifier": _owned,
    "DisputeGame": _game,
}
"""One on the L1, by name."""
EACH: Final[dict[str, SetUp]] = {"L2OutputOracle": _oracle}
"""One for each rollup that settles, by name."""


def _paid(chain: ChainPlan) -> Sequence[str]:
    """Roles whose accounts get money."""
    return ("proposer", "challenger") if was_ever(chain, "fraud") else ("proposer",)


def _told(site: _Site, chain: ChainPlan) -> Iterator[_Told]:
    """What is registered for `chain`."""
    oracle, outputs = site.at("L2OutputOracle", chain.chain_id), site.at("FinalOutputs")
    yield _Told(
        outputs,
        encode_call("oracleOf(uint32)", chain.domain),
        oracle,
        encode_call("setOracle(uint32,address)", chain.domain, oracle),
    )
    if name := RELAYS.get(chain.built_as or ""):
        portal, relay = (site.at(each, chain.chain_id) for each in (PORTAL, name))
        yield _Told(portal, encode_call("relay()"), relay, encode_call("setRelay(address)", relay))
    proven = chain.proof == "validity"
    verifier = site.at("AttestationVerifier") if proven else bytes(20)
    window = 0 if proven else chain.finalization_window
    set_proof = encode_call("setProofSystem(address,uint64)", verifier, window)
    verified, waited = encode_call("verifier()"), encode_call("finalizationPeriodSeconds()")
    yield _Told(oracle, verified, verifier, set_proof, is_born_with=True)
    yield _Told(oracle, waited, window.to_bytes(20), set_proof, is_born_with=True)
    if proven:
        prover = site.account(chain, "prover")
        yield _Told(
            site.at("AttestationVerifier"),
            encode_call("proverOf(uint256)", chain.chain_id),
            prover,
            encode_call("setProver(uint256,address)", chain.chain_id, prover),
        )


def _slasher(site: _Site) -> _Told:
    """Guardians answer for FINALIZED leaves that final outputs contradict."""
    outputs = site.at("FinalOutputs")
    call = encode_call("setFinalOutputs(address)", outputs)
    slasher = from_hex(site.contracts["slasher"])
    return _Told(slasher, encode_call("finalOutputs()"), outputs, call)


async def missing_settlement(l1: Rpc, network: Network, keys: Keys) -> Sequence[GovernorCall]:
    """What the governor has to send, in order, until every rollup that settles has its contracts,
    they know of it, and its agents have money."""
    chains = [chain for chain in network.plan.rollups if settles(chain)]
    if not chains:
        return ()
    site = _Site(network.contracts, keys)
    told = [_slasher(site), *(each for chain in chains for each in _told(site, chain))]
    paid = [agent_account(keys, chain.chain_id, role) for chain in chains for role in _paid(chain)]
    wanted = _creations(site, chains)
    answers = await _ask(
        l1,
        [
            *(("eth_getCode", (_hex(at), "latest")) for at in wanted),
            *(("eth_getBalance", (who.address, "latest")) for who in paid),
            *(("eth_call", (_request(each), "latest")) for each in told),
        ],
    )
    codes, answers = answers[: len(wanted)], answers[len(wanted) :]
    balances, known = answers[: len(paid)], answers[len(paid) :]
    calls = list(
        dict.fromkeys(
            Call(each.contract, each.setter)
            for each, answer in zip(told, known, strict=True)
            if from_hex(answer)[12:] != each.wanted and not (answer == "0x" and each.is_born_with)
        )
    )
    executor = network.contracts["governanceExecutor"]
    gas = _TELL_GAS * (1 + len(calls))
    return (
        *(call for call, code in zip(wanted.values(), codes, strict=True) if code == "0x"),
        *((GovernorCall(executor, execute_batch(calls), gas),) if calls else ()),
        *(
            GovernorCall(who.address, b"", _PAYMENT_GAS, _PAYMENT)
            for who, wei in zip(paid, balances, strict=True)
            if int(wei, 16) == 0
        ),
    )


def _creations(site: _Site, chains: Sequence[ChainPlan]) -> dict[bytes, GovernorCall]:
    """By the address of what each makes: code first, then the proxies before it."""
    factory = site.contracts["create3Factory"]
    found: dict[bytes, GovernorCall] = {}

    def create(salt: bytes, code: bytes, gas: int) -> bytes:
        at = create3_address(from_hex(factory), salt)
        found[at] = GovernorCall(factory, encode_call("deploy(bytes32,bytes)", salt, code), gas)
        return at

    verdicts = creation_code("GuardianVerdicts") + word(from_hex(site.contracts["rootVerifier"]))
    create(salt_of("GuardianVerdicts"), verdicts, _IMPLEMENTATION_GAS)
    for name, set_up in (SHARED | EACH).items():
        salt = salt_of(name, implementation=True)
        code = create(salt, creation_code(name), _IMPLEMENTATION_GAS)
        for chain in chains if name in EACH else chains[:1]:
            call = set_up(site, chain)
            proxy = creation_code("ERC1967Proxy") + word(code) + word(64) + tail(call)
            create(salt_of(name, chain.chain_id if name in EACH else None), proxy, _PROXY_GAS)
    return found


async def _ask(l1: Rpc, calls: Sequence[tuple[str, Sequence[object]]]) -> list[str]:
    answers = await l1.batch(calls)
    for answer in answers:
        if isinstance(answer, RpcError):
            raise answer
    return answers


def _request(told: _Told) -> dict[str, str]:
    return {"to": _hex(told.contract), "data": _hex(told.getter)}


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
