# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Who appoints, names and permits: the owner's parameters, the Guard's brake, and operators by signature."""

import ape
import pytest
from ape.api import AccountAPI
from eth_abi.abi import encode
from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey

from scripts._house import container
from tests.contracts.certificates import LIFETIME, Desk
from tests.contracts.house import ROOF, ZERO, E, H, refuses

KEY = PrivateKey(keccak(b"a holder"))
HOLDER = KEY.public_key.to_checksum_address()


def permit(
    desk: Desk, operator: object, *, approved: bool = True, nonce: int = 0, deadline: int, chain: int = 0
) -> bytes:
    """KEY's signature over `PermitOperator`, built from the EIP's text and not by the contract."""
    domain = keccak(
        encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"],
            [
                keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak(b"GreenCore Certificates"),
                keccak(b"1"),
                chain or ape.chain.chain_id,
                desk.on.address,
            ],
        )
    )
    said = keccak(
        encode(
            ["bytes32", "address", "address", "bool", "uint256", "uint256"],
            [
                keccak(b"PermitOperator(address owner,address operator,bool approved,uint256 nonce,uint256 deadline)"),
                HOLDER,
                str(operator),
                approved,
                nonce,
                deadline,
            ],
        )
    )
    signature = KEY.sign_msg_hash(keccak(b"\x19\x01" + domain + said))
    return signature.r.to_bytes(32, "big") + signature.s.to_bytes(32, "big") + bytes([27 + signature.v])


def test_permit_operator(desk: Desk, relayer: AccountAPI, stranger: AccountAPI) -> None:
    """Anybody brings it, it counts once, and another takes it back."""
    deadline = desk.house.now + 1_000
    given = permit(desk, relayer, deadline=deadline)
    assert not desk.on.isApprovedForAll(HOLDER, relayer)

    receipt = desk.on.permit_operator(HOLDER, relayer, True, deadline, given, sender=stranger)

    (log,) = receipt.decode_logs(desk.on.ApprovalForAll)
    assert (log._owner, log._operator, log._approved) == (HOLDER, relayer, True)
    assert desk.on.isApprovedForAll(HOLDER, relayer)
    assert desk.on.nonces(HOLDER) == 1
    unsigned = "certificates: not signed by the owner"
    refuses(unsigned, desk.on.permit_operator, HOLDER, relayer, True, deadline, given, sender=stranger)
    taken = permit(desk, relayer, approved=False, nonce=1, deadline=deadline)
    desk.on.permit_operator(HOLDER, relayer, False, deadline, taken, sender=stranger)
    assert not desk.on.isApprovedForAll(HOLDER, relayer)


def test_permit_operator__bad__reverts(desk: Desk, relayer: AccountAPI, stranger: AccountAPI) -> None:
    """Late, for another chain, with another word changed, for somebody else, for nobody, or by a silent contract."""
    now = desk.house.now
    given = permit(desk, relayer, deadline=now + 1_000)
    method = desk.on.permit_operator
    unsigned = "certificates: not signed by the owner"
    late = permit(desk, relayer, deadline=now - 1)
    refuses("certificates: signature expired", method, HOLDER, relayer, True, now - 1, late, sender=stranger)
    elsewhere = permit(desk, relayer, deadline=now + 1_000, chain=1)
    for args in (
        (HOLDER, relayer, True, now + 1_000, elsewhere),
        (HOLDER, stranger, True, now + 1_000, given),
        (HOLDER, relayer, False, now + 1_000, given),
        (HOLDER, relayer, True, now + 1_001, given),
        (stranger, relayer, True, now + 1_000, given),
        (ZERO, relayer, True, now + 1_000, bytes(65)),
        (stranger.deploy(container("AcceptingReceiver")), relayer, True, now + 1_000, given),
        (stranger.deploy(container("SilentWallet")), relayer, True, now + 1_000, given),
    ):
        refuses(unsigned, method, *args, sender=stranger)


def test_deploy__wired_to_the_treasury(desk: Desk) -> None:
    """The Oracle and the Registry are those of the Treasury; ERC-1155 and its metadata are announced."""
    on = desk.house.on
    assert (desk.on.treasury(), desk.on.oracle(), desk.on.registry(), desk.on.guard()) == (
        on.treasury,
        on.oracle,
        on.registry,
        on.guard,
    )
    assert desk.on.lifetime() == LIFETIME
    assert all(desk.on.supportsInterface(interface) for interface in ("0x01ffc9a7", "0xd9b67a26", "0x0e89341c"))
    assert len(container("Certificates").contract_type.runtime_bytecode.bytecode.removeprefix("0x")) // 2 <= 24_576


def test_set_validator(desk: Desk, owner: AccountAPI, stranger: AccountAPI) -> None:
    """The log has before and after; one who was dismissed may do nothing."""
    made = desk.issued()
    receipt = desk.on.set_validator(desk.validator, False, sender=owner)
    (log,) = receipt.decode_logs(desk.on.ValidatorChanged)
    assert (log.validator, log.old, log.new) == (desk.validator, True, False)
    refuses("certificates: access is denied", desk.on.validate, [made], sender=desk.validator)
    refuses("certificates: access is denied", desk.on.revoke, made, "no", sender=desk.validator)
    refuses("ownable: caller is not the owner", desk.on.set_validator, stranger, True, sender=stranger)


def test_name_technology(desk: Desk, owner: AccountAPI, stranger: AccountAPI) -> None:
    """A name is given once, reads the same everywhere, and belongs to a register that counts µWh."""
    method = desk.on.name_technology
    receipt = method(E, 5, "hydro-power 2", sender=owner)

    (log,) = receipt.decode_logs(desk.on.TechnologyNamed)
    assert (log.utility, log.kind, log.name) == (E, 5, "hydro-power 2")
    assert desk.on.technology(E, 5) == "hydro-power 2"
    assert desk.on.certifiable(E, 5)
    assert not desk.on.certifiable(H, 5)
    refuses("certificates: named already", method, E, 5, "coal", sender=owner)
    for name in ("", 'wind"', "wind\\", "wind\n", "wìnd", "wind@", "wind[", "wind`", "wind{", "wind/"):
        refuses("certificates: not a plain name", method, E, 4, name, sender=owner)
    method(E, 4, "Zz Aa-09", sender=owner)
    for utility in (0, 3, 255):
        refuses("certificates: not counted in Wh", method, utility, 4, "water", sender=owner)
    refuses("ownable: caller is not the owner", method, E, 6, "wind", sender=stranger)


def test_set_certifiable__bad__reverts(desk: Desk, owner: AccountAPI, stranger: AccountAPI) -> None:
    """Not what has no name, and not by anybody."""
    refuses("certificates: kind has no name", desk.on.set_certifiable, E, 7, True, sender=owner)
    refuses("ownable: caller is not the owner", desk.on.set_certifiable, E, 1, False, sender=stranger)


def test_set_lifetime(desk: Desk, owner: AccountAPI, stranger: AccountAPI) -> None:
    """Within bounds, and only for certificates to come."""
    old = desk.issued()
    expires_at = desk.on.certificate(old).expires_at
    receipt = desk.on.set_lifetime(30 * 86_400, sender=owner)
    (log,) = receipt.decode_logs(desk.on.LifetimeChanged)
    assert (log.old, log.new) == (LIFETIME, 30 * 86_400)
    told = desk.on.certificate(desk.issued())
    assert told.expires_at == told.metered_until + 30 * 86_400
    assert desk.on.certificate(old).expires_at == expires_at
    for seconds in (0, 30 * 86_400 - 1, 3_650 * 86_400 + 1):
        refuses("certificates: lifetime out of bounds", desk.on.set_lifetime, seconds, sender=owner)
    refuses("ownable: caller is not the owner", desk.on.set_lifetime, LIFETIME, sender=stranger)


@pytest.mark.parametrize("role", ["owner", "guardian", "stranger"])
def test_set_paused__not_the_guard__reverts(desk: Desk, request: pytest.FixtureRequest, role: str) -> None:
    """The brake is the Guard's alone."""
    account: AccountAPI = request.getfixturevalue(role)
    refuses("certificates: access is denied", desk.on.set_paused, True, sender=account)
    assert desk.on.certified(E, ROOF, 1) == 0
