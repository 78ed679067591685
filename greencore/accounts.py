# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The accounts of a development chain, from the mnemonic that all of them use. Worthless anywhere else.

| index | who |
|---|---|
| 0 | deployer, owner of the contracts |
| 1–4 | oracle nodes |
| 5 | registrar |
| 6 | guardian |
| 7 | beneficiary of the reserve |
| 8 | keeper |
| 9–34 | owners of demo stations, the built-in three first |
| 35 | validator of certificates, provider of tickets |
| 36 | the bank gateway: it attests payments |
| 37 | arbiter of the FiatEscrow |
| 38 | issuer of settlement tokens |
| 39 | clearing operator |
| 40–56 | those who trade in the demo: makers, consumers, traders |
"""

from functools import cache

from eth_account import Account
from eth_account.signers.local import LocalAccount

from greencore.embedded.anvil import MNEMONIC

NODES = (1, 2, 3, 4)
REGISTRAR = 5
GUARDIAN = 6
KEEPER = 8
FIRST_OWNER = 9
_OWNERS_END = 35
STATIONS_MAX = _OWNERS_END - FIRST_OWNER
BANK = 36
FIRST_TRADER = 40


@cache
def account(index: int) -> LocalAccount:
    """The account at a place of the mnemonic's usual path."""
    Account.enable_unaudited_hdwallet_features()
    made: LocalAccount = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
    return made


def private_key(index: int) -> str:
    """An account's key as `0x` and 64 hexadecimal digits."""
    return "0x" + bytes(account(index).key).hex()
