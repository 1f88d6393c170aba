"""Funds, contracts that dapps expect, logs, and pages that are refused."""

import urllib.error
import urllib.request

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.acceptance.world import rpc_answer
from tests.conformance.cells import NAME
from tests.conformance.client import CREATE2_PROXY, MULTICALL3, PERMIT2, Wallet, subscribed
from tests.conformance.devnet import Devnet
from tests.e2e.home import is_alive
from tests.e2e.messages import At
from tests.foundry import cast

_PAGE = "https://evil.example"


def test_chain_ids(devnet: Devnet) -> None:
    for chain in devnet.chains.values():
        assert int(chain.call("eth_chainId"), 16) == chain.chain_id
        assert chain.call("net_version") == str(chain.chain_id)


def test_listed_accounts_are_funded_on_every_chain(devnet: Devnet) -> None:
    wanted = int(devnet.home.json("accounts", NAME)["balance"]) * 10**18
    for chain in devnet.chains.values():
        for wallet in devnet.wallets[-2:]:
            assert int(chain.call("eth_getBalance", wallet.address, "latest"), 16) == wanted


@pytest.mark.parametrize("address", [CREATE2_PROXY, MULTICALL3, PERMIT2])
def test_contracts_that_dapps_expect(devnet: Devnet, address: str) -> None:
    codes = {chain.call("eth_getCode", address, "latest") for chain in devnet.chains.values()}
    if address == PERMIT2:  # holds its chain's id
        assert "0x" not in codes
    else:
        assert len(codes) == 1
        assert codes != {"0x"}


def test_multicall_answers_cast(a: At) -> None:
    for call, wanted in (("getChainId()(uint256)", a.chain_id), ("getBasefee()(uint256)", None)):
        told = int(cast("call", "--rpc-url", a.url, MULTICALL3, call).split()[0])
        assert wanted is None or told == wanted


def test_unlocked_accounts_where_the_engine_has_them(devnet: Devnet, a: At) -> None:
    answer = rpc_answer(a.url, "eth_accounts")
    if devnet.cell.can("a").unlocked:
        assert {w.address for w in devnet.wallets} <= set(answer["result"])
    else:
        assert not answer.get("result")


@pytest.mark.parametrize("service", ["a/node", "a/sequencer", "relayer"])
def test_logs_of_a_service(devnet: Devnet, a: At, service: str) -> None:
    a.call("eth_blockNumber")
    said = devnet.home.run("logs", NAME, "--service", service).stdout
    assert said.strip(), f"{service} said nothing"


def test_unknown_service_names_its_neighbour(devnet: Devnet) -> None:
    done = devnet.home.run("logs", NAME, "--service", "a/nod", check=False)
    assert done.returncode == 3
    assert "a/node" in done.stderr


def test_pages_of_other_origins_are_refused(devnet: Devnet) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}'
    for chain in devnet.chains.values():
        for kind in ("text/plain", "application/json"):
            headers = {"Origin": _PAGE, "Content-Type": kind}
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(urllib.request.Request(chain.url, body, headers), timeout=10)
            assert refused.value.code == 403
            refused.value.close()


def test_sockets_of_other_origins_are_refused(devnet: Devnet) -> None:
    for chain in devnet.chains.values():
        url = chain.url.replace("http", "ws", 1)
        with pytest.raises(InvalidStatus) as refused:
            connect(url, origin=Origin(_PAGE))
        assert refused.value.response.status_code == 403


def test_foreign_host_names_are_refused(a: At) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}'
    headers = {"Host": "rebound.example", "Content-Type": "application/json"}
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(a.url, body, headers), timeout=10)
    assert refused.value.code in {400, 403, 421}
    refused.value.close()


def test_second_up_changes_nothing(devnet: Devnet) -> None:
    before = devnet.status
    done = devnet.home.run("up", "net.yaml")
    assert "nothing changed" in done.stderr
    after = devnet.status
    assert after["created_at"] == before["created_at"]
    assert [s["restarts"] for s in after["services"]] == [s["restarts"] for s in before["services"]]


def test_daemon_looks_after_the_nodes(devnet: Devnet) -> None:
    assert is_alive(devnet.home.daemon_pid)
    assert devnet.nodes() == 3


def test_ticks_come_every_second(b: At) -> None:
    with subscribed(b.url.replace("http", "ws", 1), "newHeads") as heads:
        first, second, third = (heads.next() for _ in range(3))
    numbers = [int(head["number"], 16) for head in (first, second, third)]
    times = [int(head["timestamp"], 16) for head in (first, second, third)]
    assert numbers == list(range(numbers[0], numbers[0] + 3))
    assert times == list(range(times[0], times[0] + 3))


def test_balance_of_a_wallet_by_cast(a: At, wallet: Wallet) -> None:
    told = cast("balance", "--rpc-url", a.url, wallet.address)
    assert int(told) == int(a.call("eth_getBalance", wallet.address, "latest"), 16)
