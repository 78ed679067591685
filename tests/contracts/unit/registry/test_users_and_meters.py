# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Registry: wallets enter themselves or with a signature; device keys are bound once."""

from dataclasses import dataclass

import ape
import pytest
from ape.api import AccountAPI
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_keys.constants import SECPK1_N

from tests.contracts.house import BARN, ROOF, ZERO, House, refuses

PROFILE = b"\x11" * 32
KEY = b"\xed" * 32
PROSUMER, CONSUMER, OPERATOR = 1, 2, 3


@dataclass(frozen=True)
class Application:
    """What a wallet signed."""

    user: str
    deadline: int
    signature: bytes


@pytest.fixture
def application(house: House) -> Application:
    """A consumer's signed registration, valid for a minute."""
    wallet = Account.from_key(b"\x42" * 32)
    deadline = house.now + 60
    message = encode_typed_data(
        domain_data={
            "name": "GreenCore Registry",
            "version": "1",
            "chainId": ape.chain.chain_id,
            "verifyingContract": house.on.registry.address,
        },
        message_types={
            "RegisterUser": [
                {"name": "user", "type": "address"},
                {"name": "kind", "type": "uint8"},
                {"name": "profileHash", "type": "bytes32"},
                {"name": "deadline", "type": "uint256"},
            ]
        },
        message_data={"user": wallet.address, "kind": CONSUMER, "profileHash": PROFILE, "deadline": deadline},
    )
    return Application(wallet.address, deadline, bytes(wallet.sign_message(message).signature))


def test_register_user(house: House, buyer: AccountAPI) -> None:
    """A wallet enters itself."""
    receipt = house.on.registry.register_user(OPERATOR, PROFILE, sender=buyer)

    (registered,) = receipt.decode_logs(house.on.registry.UserRegistered)
    assert (registered.user, registered.kind, registered.profile_hash) == (buyer, OPERATOR, PROFILE)
    user = house.on.registry.user_of(buyer)
    assert (user.kind, user.since, user.profile_hash) == (OPERATOR, house.now, PROFILE)


def test_register_user__refusals__revert(house: House, buyer: AccountAPI) -> None:
    """Once, with a known kind."""
    for kind in (0, 4):
        refuses("registry: unknown kind", house.on.registry.register_user, kind, PROFILE, sender=buyer)
    house.on.registry.register_user(PROSUMER, PROFILE, sender=buyer)
    refuses("registry: user exists", house.on.registry.register_user, CONSUMER, PROFILE, sender=buyer)


def test_register_user_for(house: House, application: Application, relayer: AccountAPI) -> None:
    """Somebody else pays the gas; the wallet signed the rest."""
    house.on.registry.register_user_for(
        application.user, CONSUMER, PROFILE, application.deadline, application.signature, sender=relayer
    )

    assert house.on.registry.user_of(application.user).kind == CONSUMER
    assert house.on.registry.user_of(relayer).kind == 0


def test_register_user_for__refusals__revert(house: House, application: Application, relayer: AccountAPI) -> None:
    """Every field is bound, a twin with high s is refused, and the signature is worth nothing after its time or its use."""
    register = house.on.registry.register_user_for
    user, deadline, signature = application.user, application.deadline, application.signature
    unsigned = "registry: not signed by the user"
    refuses(unsigned, register, user, PROSUMER, PROFILE, deadline, signature, sender=relayer)
    refuses(unsigned, register, user, CONSUMER, KEY, deadline, signature, sender=relayer)
    refuses(unsigned, register, user, CONSUMER, PROFILE, deadline + 1, signature, sender=relayer)
    refuses(unsigned, register, relayer, CONSUMER, PROFILE, deadline, signature, sender=relayer)
    refuses(unsigned, register, ZERO, CONSUMER, PROFILE, deadline, b"", sender=relayer)
    twin = SECPK1_N - int.from_bytes(signature[32:64], "big")
    high = signature[:32] + twin.to_bytes(32, "big") + bytes([27 + 28 - signature[64]])
    refuses("ecdsa: invalid signature `s` value", register, user, CONSUMER, PROFILE, deadline, high, sender=relayer)

    register(user, CONSUMER, PROFILE, deadline, signature, sender=relayer)
    refuses("registry: user exists", register, user, CONSUMER, PROFILE, deadline, signature, sender=relayer)
    house.wait(61)
    refuses("registry: signature expired", register, user, CONSUMER, PROFILE, deadline, signature, sender=relayer)


def test_register_meter(house: House, registrar: AccountAPI) -> None:
    """A key speaks for one station in one role."""
    receipt = house.on.registry.register_meter(ROOF, KEY, 2, sender=registrar)

    (registered,) = receipt.decode_logs(house.on.registry.MeterRegistered)
    assert (registered.station, registered.key, registered.role) == (ROOF, KEY, 2)
    meter = house.on.registry.meter_of(KEY)
    assert (meter.station, meter.role, meter.since, meter.until) == (ROOF, 2, house.now, 0)


def test_register_meter__refusals__revert(house: House, registrar: AccountAPI, prosumer: AccountAPI) -> None:
    """One key, one station, for ever: not even a retired key comes back."""
    registry = house.on.registry
    refuses("registry: access is denied", registry.register_meter, ROOF, KEY, 1, sender=prosumer)
    refuses("registry: unknown station", registry.register_meter, 9, KEY, 1, sender=registrar)
    refuses("registry: no key or no role", registry.register_meter, ROOF, bytes(32), 1, sender=registrar)
    refuses("registry: no key or no role", registry.register_meter, ROOF, KEY, 0, sender=registrar)
    registry.register_meter(ROOF, KEY, 1, sender=registrar)
    refuses("registry: key is bound already", registry.register_meter, BARN, KEY, 1, sender=registrar)
    registry.retire_meter(KEY, sender=registrar)
    refuses("registry: key is bound already", registry.register_meter, ROOF, KEY, 1, sender=registrar)


def test_retire_meter__by_the_stations_owner(
    house: House, registrar: AccountAPI, prosumer: AccountAPI, neighbour: AccountAPI
) -> None:
    """An owner whose device was stolen retires its key at once; nobody else's."""
    registry = house.on.registry
    registry.register_meter(ROOF, KEY, 1, sender=registrar)
    refuses("registry: access is denied", registry.retire_meter, KEY, sender=neighbour)

    receipt = registry.retire_meter(KEY, sender=prosumer)

    (retired,) = receipt.decode_logs(registry.MeterRetired)
    assert (retired.station, retired.key) == (ROOF, KEY)
    assert registry.meter_of(KEY).until == house.now
    refuses("registry: no such meter in use", registry.retire_meter, KEY, sender=prosumer)
    refuses("registry: no such meter in use", registry.retire_meter, bytes(32), sender=registrar)


def test_set_registrar(house: House, owner: AccountAPI, registrar: AccountAPI, stranger: AccountAPI) -> None:
    """A dismissed registrar enters nothing more."""
    refuses("ownable: caller is not the owner", house.on.registry.set_registrar, stranger, True, sender=stranger)

    receipt = house.on.registry.set_registrar(registrar, False, sender=owner)

    (changed,) = receipt.decode_logs(house.on.registry.RegistrarChanged)
    assert (changed.registrar, changed.old, changed.new) == (registrar, True, False)
    refuses("registry: access is denied", house.on.registry.register_meter, ROOF, KEY, 1, sender=registrar)
