"""Environment and exports: what other programs read, and that nothing in it is executed."""

import json
import subprocess
import tomllib

import httpx
import pytest

from control_plane.services.environment import render, upper_snake
from tests.unit.api.values import ADDRESS, KEY

NASTY = {"A": 'it\'s $(id) `id` "x" \\ \n$HOME', "B": "plain", "C": ""}


def test_a_shell_reads_back_what_was_written() -> None:
    script = render(NASTY, "sh") + 'printf "%s|" "$A" "$B" "$C"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "".join(f"{value}|" for value in NASTY.values())


def test_dotenv_quotes_what_readers_would_expand() -> None:
    text = render(NASTY, "dotenv").splitlines()
    assert text == ['A="it\'s \\$(id) \\`id\\` \\"x\\" \\\\ \\n\\$HOME"', "B='plain'", "C=''"]
    assert json.loads(render(NASTY, "json")) == NASTY


@pytest.mark.parametrize(
    ("name", "variable"),
    [("merkleTreeHook", "MERKLE_TREE_HOOK"), ("my-game2", "MY_GAME2"), ("era", "ERA")],
)
def test_names_of_variables(name: str, variable: str) -> None:
    assert upper_snake(name) == variable


async def test_private_keys_go_over_the_socket_only(
    client: httpx.AsyncClient, socket_client: httpx.AsyncClient
) -> None:
    await client.post("/v1/devnets", json={"name": "shop"})
    for path in ("env", "env?format=sh", "env?format=dotenv", "env?format=json", "accounts"):
        over_tcp = await client.get(f"/v1/devnets/shop/{path}")
        over_socket = await socket_client.get(f"/v1/devnets/shop/{path}")
        assert ADDRESS in over_tcp.text
        assert KEY not in over_tcp.text
        assert "secret" not in over_tcp.text
        assert KEY in over_socket.text


async def test_env_names_every_chain(client: httpx.AsyncClient) -> None:
    await client.post("/v1/devnets", json={"name": "shop"})
    found = (await client.get("/v1/devnets/shop/env")).json()["variables"]
    assert found["CALDERA_L1_RPC_URL"] == found["L1_RPC_URL"] == "http://127.0.0.1:8545"
    assert found["OP_CHAIN_ID"] == "901"
    assert found["GUARDIAN_REGISTRY_ADDRESS"] == ADDRESS


async def exported(client: httpx.AsyncClient, kind: str) -> dict[str, str]:
    await client.post("/v1/devnets", json={"name": "my-shop"})
    response = await client.get(f"/v1/devnets/my-shop/export/{kind}")
    assert response.status_code == 200, response.text
    return {file["name"]: file["content"] for file in response.json()["files"]}


async def test_exports_are_in_the_formats_they_name(client: httpx.AsyncClient) -> None:
    addresses = json.loads((await exported(client, "addresses"))["addresses.json"])
    assert addresses["op"]["contracts"] == {"mailbox": ADDRESS}
    endpoints = tomllib.loads((await exported(client, "foundry"))["foundry.toml"])
    assert endpoints["rpc_endpoints"]["l1"] == "http://127.0.0.1:8545"
    assert json.loads((await exported(client, "abi"))["Mailbox.json"])[0]["type"] == "receive"
    wagmi = (await exported(client, "wagmi"))["caldera.ts"]
    assert "export const myShopOp = defineChain({" in wagmi
    assert "export const mailboxAbi = [" in wagmi


async def test_exports_to_come_and_unknown_ones(client: httpx.AsyncClient) -> None:
    await client.post("/v1/devnets", json={"name": "shop"})
    later = await client.get("/v1/devnets/shop/export/compose")
    assert (later.status_code, later.json()["type"]) == (
        422,
        "urn:caldera:problem:not-available-yet",
    )
    unknown = await client.get("/v1/devnets/shop/export/wagmy")
    assert (unknown.status_code, "wagmi" in unknown.json()["hint"]) == (404, True)
