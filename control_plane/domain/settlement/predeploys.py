"""What a rollup's genesis writes into the OP Stack's predeploys that differs by rollup or devnet.

Slots are the OP Stack's own layout (those of ``GasPriceOracle`` and ``FeeVault``), but for the
vaults' owner, whom the OP Stack has in a proxy.
"""

from collections.abc import Mapping
from typing import Final

from control_plane.domain.ids import Hex
from control_plane.domain.plan import ChainPlan

GAS_PRICE_ORACLE: Final = Hex("0x420000000000000000000000000000000000000f")
SEQUENCER_FEE_VAULT: Final = Hex("0x4200000000000000000000000000000000000011")
BASE_FEE_VAULT: Final = Hex("0x4200000000000000000000000000000000000019")
L1_FEE_VAULT: Final = Hex("0x420000000000000000000000000000000000001a")
OPERATOR_FEE_VAULT: Final = Hex("0x420000000000000000000000000000000000001b")
FEE_VAULTS: Final = (SEQUENCER_FEE_VAULT, BASE_FEE_VAULT, L1_FEE_VAULT, OPERATOR_FEE_VAULT)
CDK_BRIDGE: Final = Hex("0x2a3dd3eb832af982ec71669e178424b10dca2ede")
CDK_EXIT_ROOTS: Final = Hex("0xa40d5f56745a118d0906a34e69aec8c0db1cb8fa")
ZK_L1_MESSENGER: Final = Hex(f"0x{0x8008:040x}")
_FORKS_SLOT: Final = 0
_ISTHMUS: Final = 0x00_01_01_01
"""A byte each for Ecotone, Fjord and Isthmus, the first the lowest."""
_JOVIAN: Final = 0x01_01_01_01
_ROUTE_SLOT, _OWNER_SLOT = 2, 3
_ON_THE_ROLLUP: Final = 1 << 160
"""``WithdrawalNetwork.L2``, above the recipient's address."""


def predeploy_words(chain: ChainPlan, operator: str) -> Mapping[str, Mapping[str, str]]:
    """Words by slot (0x-hex) by the address of a predeploy.

    `operator`: the address that gets the fees, on the rollup, and that may say otherwise. No more
    is to be withdrawn to the L1 than was deposited, and listed accounts pay fees with coins that
    nobody deposited: so fees stay on the rollup unless it wishes to have them there.
    """
    forks = _ISTHMUS if chain.engine == "anvil" else _JOVIAN
    who = int(operator, 16)
    vault = {hex(_ROUTE_SLOT): hex(_ON_THE_ROLLUP | who), hex(_OWNER_SLOT): hex(who)}
    return {
        GAS_PRICE_ORACLE: {hex(_FORKS_SLOT): hex(forks)},
        **dict.fromkeys(FEE_VAULTS, vault),
    }
