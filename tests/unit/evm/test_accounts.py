"""Listed accounts are those that every other tool derives from the mnemonic."""

import pytest

from control_plane.adapters.evm.accounts import derive_accounts
from control_plane.adapters.evm.signer import checksum
from control_plane.domain.errors import InvalidInput

TEST = "test test test test test test test test test test test junk"


def test_the_usual_test_accounts() -> None:
    """As Anvil prints them."""
    accounts = derive_accounts(TEST, 10)
    assert [checksum(account.address) for account in accounts[:3]] == [
        "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
        "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
        "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
    ]
    assert accounts[0].key.hex() == (
        "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
    )
    assert checksum(accounts[9].address) == "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"
    assert derive_accounts(TEST, 3) == accounts[:3]


@pytest.mark.parametrize(
    "mnemonic",
    [
        "abandon " * 11 + "about",
        "legal winner thank year wave sausage worth useful " * 2 + "legal will",
        "zoo " * 23 + "vote",
    ],
)
def test_same_as_eth_account(mnemonic: str) -> None:
    from eth_account import Account

    Account.enable_unaudited_hdwallet_features()
    for index, account in enumerate(derive_accounts(mnemonic, 4)):
        other = Account.from_mnemonic(mnemonic, account_path=f"m/44'/60'/0'/0/{index}")
        assert (checksum(account.address), account.key) == (other.address, bytes(other.key))


@pytest.mark.parametrize("mnemonic", ["", "test", "test " * 13, "test " * 25])
def test_not_a_mnemonic(mnemonic: str) -> None:
    with pytest.raises(InvalidInput, match="is not valid") as caught:
        derive_accounts(mnemonic, 1)
    assert caught.value.problems[0].path == "accounts.mnemonic"
