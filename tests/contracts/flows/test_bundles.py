# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Energy sold together with the proof that it is green: certificates move, or retire for the buyer, in the same transaction."""

import ape
import pytest
from ape.api import AccountAPI
from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey
from eth_utils.address import to_canonical_address

from scripts._house import container
from tests.contracts.attested import Signing
from tests.contracts.certificates import VALID, certificate_id, use
from tests.contracts.flows.bazaar import FEE_BPS, GCM_ONE, WH, Town
from tests.contracts.house import KWH, ROOF, ZERO, E, refuses

LOTS, PER_LOT = 10, 100  # ten lots of 100 Wh, a certificate for each Wh
PRICE = GCM_ONE // 10
PERMIT_OPERATOR = "PermitOperator(address owner,address operator,bool approved,uint256 nonce,uint256 deadline)"


@pytest.fixture
def bundled(town: Town, prosumer: AccountAPI, neighbour: AccountAPI) -> int:
    """The roof's owner has certified 1,000 Wh of 3 kWh, the barn's owner has GCM; the certificate."""
    town.earn()
    town.pay_in(neighbour, 2 * KWH)
    certificate = town.desk.valid(LOTS * PER_LOT)
    town.bazaar.certificates.setApprovalForAll(town.bazaar.marketplace, True, sender=prosumer)
    return certificate


def offered(town: Town, seller: AccountAPI, certificate: int) -> int:
    """Ten lots with their certificates; the offer's number."""
    energy = LOTS * PER_LOT * WH
    terms = (town.house.on.token, E, energy, energy // LOTS, PRICE, 0, ZERO, certificate, PER_LOT)
    town.bazaar.marketplace.offer(*terms, sender=seller)
    return int(town.bazaar.marketplace.offers())


def test_bundle__moves_and_retires(
    town: Town, bundled: int, prosumer: AccountAPI, neighbour: AccountAPI, beneficiary: AccountAPI
) -> None:
    """Two lots to have, three to use, five back: energy, certificates and GCM each go the one way they should."""
    on, certificates, marketplace = town.house.on, town.bazaar.certificates, town.bazaar.marketplace
    before = {who: (town.energy(who), town.money(who)) for who in (prosumer, neighbour)}
    number = offered(town, prosumer, bundled)
    assert certificates.balanceOf(marketplace, bundled) == LOTS * PER_LOT

    marketplace.take(number, 2, sender=neighbour)
    retirement = marketplace.take_and_retire(number, 3, use(neighbour), sender=neighbour).return_value
    marketplace.withdraw_offer(number, sender=prosumer)

    cost = 5 * PRICE
    fees = 2 * PRICE * FEE_BPS // 10_000 + 3 * PRICE * FEE_BPS // 10_000
    assert town.energy(neighbour) == before[neighbour][0] + 5 * PER_LOT * WH
    assert town.energy(prosumer) == before[prosumer][0] - 5 * PER_LOT * WH
    assert town.money(neighbour) == before[neighbour][1] - cost
    assert town.money(prosumer) == before[prosumer][1] + cost - fees
    assert town.money(beneficiary) == fees
    assert certificates.balanceOf(neighbour, bundled) == 2 * PER_LOT
    assert certificates.balanceOf(prosumer, bundled) == 5 * PER_LOT
    assert certificates.total_supply(bundled) == 7 * PER_LOT
    used = certificates.retirement(retirement)
    assert (used.certificate, used.to_wh - used.from_wh, used.holder) == (bundled, 3 * PER_LOT, marketplace)
    assert used.use.beneficiary == neighbour
    assert used.use.purpose == "charging the bus"
    assert certificates.certified(E, ROOF, 1) * WH <= on.treasury.settled(E, ROOF, 1).register
    assert (town.energy(marketplace), town.money(marketplace)) == (0, 0)
    town.check_nothing_is_lost()


def test_bundle__revoked__nothing_moves_but_the_energy_back(
    town: Town, bundled: int, prosumer: AccountAPI, neighbour: AccountAPI
) -> None:
    """Fraud is found while an offer is open: nobody buys the energy believing that it is green, and its owner has it back."""
    marketplace, certificates = town.bazaar.marketplace, town.bazaar.certificates
    before = town.energy(prosumer)
    number = offered(town, prosumer, bundled)
    certificates.revoke(bundled, "the meter was bridged", sender=town.desk.validator)
    refuses("certificates: not valid", marketplace.take, number, 1, sender=neighbour)
    refuses("certificates: not valid", marketplace.take_and_retire, number, 1, use(neighbour), sender=neighbour)

    marketplace.withdraw_offer(number, sender=prosumer)

    assert town.energy(prosumer) == before
    assert marketplace.kept(prosumer, certificates, bundled) == LOTS * PER_LOT
    refuses("certificates: not valid", marketplace.fetch, prosumer, certificates, bundled, prosumer, sender=prosumer)
    town.check_nothing_is_lost()


def test_bundle__expired__energy_is_not_stuck(
    town: Town, bundled: int, prosumer: AccountAPI, neighbour: AccountAPI
) -> None:
    """A certificate that runs out in an open offer ends the sale, not the ownership of the energy."""
    marketplace = town.bazaar.marketplace
    before = town.energy(prosumer)
    number = offered(town, prosumer, bundled)
    ape.chain.mine(timestamp=int(town.bazaar.certificates.certificate(bundled).expires_at) + 1)
    refuses("certificates: not valid", marketplace.take, number, 1, sender=neighbour)
    marketplace.withdraw_offer(number, sender=prosumer)
    assert town.energy(prosumer) == before


def test_smart_wallet__sells_by_its_key_s_signature(
    town: Town, prosumer: AccountAPI, neighbour: AccountAPI, relayer: AccountAPI, stranger: AccountAPI
) -> None:
    """A wallet that is a contract holds certificates. Its key signs an approval that anybody brings (ERC-1271), and it sells."""
    bazaar, now = town.bazaar, town.now
    certificates, marketplace = bazaar.certificates, bazaar.marketplace
    town.earn()
    town.pay_in(neighbour, 2 * KWH)
    certificate = town.desk.valid(500)
    key, thief = PrivateKey(keccak(b"the wallet's key")), PrivateKey(keccak(b"somebody's key"))
    wallet = relayer.deploy(container("SmartWallet"), key.public_key.to_checksum_address())
    certificates.safeTransferFrom(prosumer, wallet, certificate, 500, b"", sender=prosumer)

    def signed(by: PrivateKey, *, approved: bool = True, nonce: int = 0) -> tuple[object, ...]:
        signing = Signing("GreenCore Certificates", ape.chain.chain_id, to_canonical_address(certificates.address))
        digest = signing.digest(PERMIT_OPERATOR, wallet.address, marketplace.address, approved, nonce, now + 10**6)
        made = by.sign_msg_hash(digest)
        signature = made.r.to_bytes(32, "big") + made.s.to_bytes(32, "big") + bytes([27 + made.v])
        return wallet, marketplace, approved, now + 10**6, signature

    refuses("certificates: not signed by the owner", certificates.permit_operator, *signed(thief), sender=stranger)
    certificates.permit_operator(*signed(key), sender=stranger)
    assert certificates.isApprovedForAll(wallet, marketplace)
    refuses("certificates: not signed by the owner", certificates.permit_operator, *signed(key), sender=stranger)
    second = signed(key, approved=False, nonce=1)

    # The wallet gets a new key, which is an account of its own: what the old one signed counts no more.
    acting = wallet_key(key, prosumer)
    wallet.replace(prosumer, sender=acting)
    refuses("certificates: not signed by the owner", certificates.permit_operator, *second, sender=stranger)
    terms = (certificates, certificate, 500, 500, PRICE, 0, ZERO, 0, 0)
    wallet.call(marketplace, marketplace.offer.encode_input(*terms), sender=prosumer)
    marketplace.take(marketplace.offers(), 1, sender=neighbour)

    assert certificates.balanceOf(neighbour, certificate) == 500
    assert certificates.state_of(certificate) == VALID
    assert town.money(wallet) == PRICE - PRICE * FEE_BPS // 10_000
    assert certificate == certificate_id(ROOF, 0)


def wallet_key(key: PrivateKey, payer: AccountAPI) -> AccountAPI:
    """The key's own account, with something to pay for gas."""
    address = key.public_key.to_checksum_address()
    payer.transfer(address, "1 ether")
    return ape.accounts.test_accounts.impersonate_account(address)
