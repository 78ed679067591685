# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title SettlementToken
@custom:contract-name SettlementToken
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice Money at a bank as an ERC-20, one contract per currency: xINR, xAED, xUSD. An issuer mints what the bank
        credited and burns what the bank paid out, and each time shows a quorum of attesters (bank gateways) that
        signed the bank's reference, the account and the amount: neither an issuer nor an attester can do it alone. A
        reference counts once: shown again with the same content it does nothing, with another content it is refused.
        Burning needs the holder's allowance. Amounts are the currency's minor units; the name and the symbol are made
        of the ISO 4217 code, so that no token is named after a country's money.
@custom:security What a lost issuer together with a lost quorum can mint is bounded by the cap of a day and the cap of
                 the supply, both 0 until the owner sets them. The owner is meant to be a timelock. That the supply
                 equals the balance at the bank is not known here: the reserve report shows it.
@custom:kill `Guard.pause(token)` stops transfers, mints and burns; allowances can still be taken back.
"""


# ------------------------------------------------------------------
#                             INTERFACES
# ------------------------------------------------------------------


from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed
from snekmate.tokens.interfaces import IERC20Permit
from contracts.interfaces import IGuard
from contracts.interfaces import IPausable

implements: IERC20
implements: IERC20Detailed
implements: IERC20Permit
implements: IPausable


# ------------------------------------------------------------------
#                              MODULES
# ------------------------------------------------------------------


from snekmate.auth import ownable
from snekmate.auth import ownable_2step
from snekmate.tokens import erc20
from snekmate.utils import eip712_domain_separator
from contracts.modules import quorum

initializes: ownable
initializes: ownable_2step[ownable := ownable]
initializes: erc20[ownable := ownable]
uses: eip712_domain_separator

# Left out, because mints and burns are attested and transfers ask the Guard first: snekmate's transfers, mints, burns
# and minter administration. `renounce_ownership` is left out: without an owner a lost key could never be replaced.
exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
    erc20.name,
    erc20.symbol,
    erc20.decimals,
    erc20.totalSupply,
    erc20.balanceOf,
    erc20.allowance,
    erc20.approve,
    erc20.permit,
    erc20.nonces,
    erc20.DOMAIN_SEPARATOR,
    erc20.eip712Domain,
)


# ------------------------------------------------------------------
#                               EVENTS
# ------------------------------------------------------------------


# @dev The bank credited an amount and it became tokens.
event Minted:
    operation: indexed(bytes32)
    account: indexed(address)
    issuer: indexed(address)
    amount: uint256


# @dev The bank paid an amount out and it is no longer tokens.
event Burned:
    operation: indexed(bytes32)
    account: indexed(address)
    issuer: indexed(address)
    amount: uint256


# @dev An issuer was appointed or dismissed.
event IssuerChanged:
    issuer: indexed(address)
    old: bool
    new: bool


# @dev Who attests what the bank did, and how many of them it takes.
event AttestersChanged:
    k: uint256
    attesters: DynArray[address, quorum.SIGNERS_MAX]


# @dev How much may exist, and how much may be minted in a day.
event CapsChanged:
    supply_cap: uint256
    day_cap: uint128


# @dev The Guard stopped the token or lets it go on.
event PauseChanged:
    paused: bool


# ------------------------------------------------------------------
#                             CONSTANTS
# ------------------------------------------------------------------


# @dev What attesters sign. The deadline is not part of what a reference stands for: the same credit may be signed again.
CREDIT_TYPE: constant(bytes32) = keccak256("Credit(bytes32 reference,address account,uint256 amount,uint256 deadline)")
PAYOUT_TYPE: constant(bytes32) = keccak256("Payout(bytes32 reference,address account,uint256 amount,uint256 deadline)")


# @dev The most minor digits that ISO 4217 knows.
DECIMALS_MAX: constant(uint8) = 4


# @dev Seconds of a day; days are UTC.
_DAY: constant(uint256) = 86_400


# @dev The low bits of a word.
_U96: constant(uint256) = (1 << 96) - 1
_U128: constant(uint256) = (1 << 128) - 1


# @dev The ISO 4217 code of the currency.
currency: public(immutable(String[3]))


# @dev The brake.
guard: public(immutable(address))


# ------------------------------------------------------------------
#                              STORAGE
# ------------------------------------------------------------------


# @dev True while transfers, mints and burns are stopped.
paused: public(bool)


# @dev Who may bring attestations.
issuers: public(HashMap[address, bool])


# @dev The bank's reference → hash of what it stood for: the type, the reference, the account, the amount.
operation_of: public(HashMap[bytes32, bytes32])


# @dev How much may exist.
supply_cap: public(uint256)


# @dev How much may be minted in a day.
day_cap: public(uint128)


# @dev UTC day (128 bits) << 128 | minted in it (128).
_minted: uint256


# @dev First 160 bits of the hash of the attesters << 96 | k.
_attesters: uint256


# ------------------------------------------------------------------
#                            CONSTRUCTOR
# ------------------------------------------------------------------


@deploy
def __init__(currency_: String[3], decimals_: uint8, guard_: address):
    """
    @dev The deployer is the first owner. Nothing can be minted before caps, attesters and an issuer are set.
    @param currency_ The ISO 4217 code, three capital letters.
    @param decimals_ The digits of the currency's minor unit, 0 to 4.
    @param guard_ The 20-byte address of the Guard.
    """
    assert len(currency_) == 3, "settlement_token: not a currency code"
    letters: uint256 = convert(convert(currency_, Bytes[3]), uint256)
    for i: uint256 in range(3):
        letter: uint256 = (letters >> (8 * i)) & 255
        assert letter >= 65 and letter <= 90, "settlement_token: not a currency code"
    assert decimals_ <= DECIMALS_MAX, "settlement_token: too many decimals"
    symbol: String[4] = concat("x", currency_)
    ownable.__init__()
    ownable_2step.__init__()
    erc20.__init__(concat("Settlement token ", symbol), symbol, decimals_, symbol, "1")
    currency = currency_
    guard = guard_


# ------------------------------------------------------------------
#                              HOLDERS
# ------------------------------------------------------------------


@external
def transfer(to: address, amount: uint256) -> bool:
    """
    @dev Moves tokens of the caller.
    @param to The 20-byte address that receives.
    @param amount The amount in minor units.
    @return bool True; a failure reverts.
    """
    self._check_may_move(msg.sender, to)
    erc20._transfer(msg.sender, to, amount)
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """
    @dev Moves tokens of an owner who allowed the caller to.
    @param owner The 20-byte address that gives.
    @param to The 20-byte address that receives.
    @param amount The amount in minor units.
    @return bool True; a failure reverts.
    """
    self._check_may_move(owner, to)
    erc20._spend_allowance(owner, msg.sender, amount)
    erc20._transfer(owner, to, amount)
    return True


# ------------------------------------------------------------------
#                              ISSUERS
# ------------------------------------------------------------------


@external
def mint(
    reference: bytes32,
    account: address,
    amount: uint256,
    deadline: uint256,
    attesters: DynArray[address, quorum.SIGNERS_MAX],
    signatures: DynArray[bytes32, 64],
) -> bool:
    """
    @dev Mints what a bank credited. A repetition does nothing, whoever signed it and whatever became of the caps.
    @param reference The 32-byte reference of the bank's credit, not zero.
    @param account The 20-byte address that the credit belongs to.
    @param amount The amount in minor units.
    @param deadline The last second at which the attestation counts.
    @param attesters The attesters, strictly ascending: the stored set.
    @param signatures Pairs of (r, vs) over `Credit`, in ascending order of the attester's address.
    @return bool True if it was minted now, False if it was before.
    """
    if not self._begin(CREDIT_TYPE, reference, account, amount, deadline, attesters, signatures):
        return False
    self._count(amount)
    erc20._mint(account, amount)
    assert erc20.totalSupply <= self.supply_cap, "settlement_token: over the cap of the supply"
    log Minted(operation=reference, account=account, issuer=msg.sender, amount=amount)
    return True


@external
def burn(
    reference: bytes32,
    account: address,
    amount: uint256,
    deadline: uint256,
    attesters: DynArray[address, quorum.SIGNERS_MAX],
    signatures: DynArray[bytes32, 64],
) -> bool:
    """
    @dev Burns what a bank paid out, from the caller or from an account that allowed the caller to. A repetition does
         nothing.
    @param reference The 32-byte reference of the bank's payment, not zero.
    @param account The 20-byte address that the payment was made for.
    @param amount The amount in minor units.
    @param deadline The last second at which the attestation counts.
    @param attesters The attesters, strictly ascending: the stored set.
    @param signatures Pairs of (r, vs) over `Payout`, in ascending order of the attester's address.
    @return bool True if it was burned now, False if it was before.
    """
    if not self._begin(PAYOUT_TYPE, reference, account, amount, deadline, attesters, signatures):
        return False
    if account != msg.sender:
        erc20._spend_allowance(account, msg.sender, amount)
    erc20._burn(account, amount)
    log Burned(operation=reference, account=account, issuer=msg.sender, amount=amount)
    return True


# ------------------------------------------------------------------
#                               OWNER
# ------------------------------------------------------------------


@external
def set_issuer(issuer: address, active: bool):
    """
    @dev Appoints or dismisses an issuer.
    @param issuer The 20-byte address.
    @param active True to appoint.
    """
    ownable._check_owner()
    old: bool = self.issuers[issuer]
    self.issuers[issuer] = active
    log IssuerChanged(issuer=issuer, old=old, new=active)


@external
def set_attesters(attesters: DynArray[address, quorum.SIGNERS_MAX], k: uint256, faulty: uint256):
    """
    @dev Replaces the attesters at once: what only former ones signed counts no longer.
    @param attesters The attesters, strictly ascending, no zero address.
    @param k The number of signatures needed, more than half of attesters and faulty ones together.
    @param faulty The number of attesters who may be faulty without harm.
    """
    ownable._check_owner()
    quorum._check_set(attesters, k, faulty)
    self._attesters = ((convert(quorum._set_hash(attesters), uint256) >> 96) << 96) | k
    log AttestersChanged(k=k, attesters=attesters)


@external
def set_caps(supply_cap_: uint256, day_cap_: uint128):
    """
    @dev Sets how much may exist and how much may be minted in a UTC day. A lower cap takes nothing from anybody.
    @param supply_cap_ The cap of the supply in minor units.
    @param day_cap_ The cap of a day in minor units.
    """
    ownable._check_owner()
    self.supply_cap = supply_cap_
    self.day_cap = day_cap_
    log CapsChanged(supply_cap=supply_cap_, day_cap=day_cap_)


# ------------------------------------------------------------------
#                               GUARD
# ------------------------------------------------------------------


@external
def set_paused(paused_: bool):
    """
    @dev Stops transfers, mints and burns, or lets them go on.
    @param paused_ True to stop.
    """
    assert msg.sender == guard, "settlement_token: access is denied"
    self.paused = paused_
    log PauseChanged(paused=paused_)


# ------------------------------------------------------------------
#                                VIEW
# ------------------------------------------------------------------


@external
@view
def minted_today() -> uint256:
    """
    @dev Returns how much was minted in the running UTC day.
    @return uint256 The amount in minor units.
    """
    return self._minted_today()


@external
@view
def attesters() -> (uint256, uint256):
    """
    @dev Returns what a set of attesters is compared with.
    @return uint256 The first 160 bits of the hash of the ABI-encoded list.
    @return uint256 The number of signatures needed.
    """
    word: uint256 = self._attesters
    return word >> 96, word & _U96


# ------------------------------------------------------------------
#                              INTERNAL
# ------------------------------------------------------------------


@internal
@view
def _check_may_move(owner: address, to: address):
    """
    @dev Refuses a stop, and frozen accounts.
    @param owner The 20-byte address that gives.
    @param to The 20-byte address that receives.
    """
    assert not self.paused, "settlement_token: paused"
    if msg.sender != owner and msg.sender != to:
        assert not staticcall IGuard(guard).frozen(msg.sender), "settlement_token: account is frozen"
    assert not staticcall IGuard(guard).any_frozen(owner, to), "settlement_token: account is frozen"


@internal
def _begin(
    kind: bytes32,
    reference: bytes32,
    account: address,
    amount: uint256,
    deadline: uint256,
    attesters: DynArray[address, quorum.SIGNERS_MAX],
    signatures: DynArray[bytes32, 64],
) -> bool:
    """
    @dev Checks an attestation and books its reference.
    @param kind The type hash: a credit or a payout.
    @param reference The 32-byte reference of the bank.
    @param account The 20-byte address.
    @param amount The amount in minor units.
    @param deadline The last second at which the attestation counts.
    @param attesters The attesters.
    @param signatures Their signatures.
    @return bool False if the reference was booked with this content before.
    """
    assert self.issuers[msg.sender], "settlement_token: access is denied"
    content: bytes32 = keccak256(abi_encode(kind, reference, account, amount))
    booked: bytes32 = self.operation_of[reference]
    if booked == content:
        return False
    assert booked == empty(bytes32), "settlement_token: reference stands for something else"
    assert reference != empty(bytes32) and amount != 0, "settlement_token: nothing to book"
    assert block.timestamp <= deadline, "settlement_token: attestation is over"
    self._check_may_move(msg.sender, account)
    word: uint256 = self._attesters
    digest: bytes32 = eip712_domain_separator._hash_typed_data_v4(
        keccak256(abi_encode(kind, reference, account, amount, deadline))
    )
    quorum._check_quorum(digest, word & _U96, word >> 96, attesters, signatures)
    self.operation_of[reference] = content
    return True


@internal
def _count(amount: uint256):
    """
    @dev Counts a mint against the cap of the day.
    @param amount The amount in minor units.
    """
    # Bounded before the sum, so that it cannot overflow.
    assert amount <= convert(self.day_cap, uint256), "settlement_token: over the cap of the day"
    total: uint256 = self._minted_today() + amount
    assert total <= convert(self.day_cap, uint256), "settlement_token: over the cap of the day"
    self._minted = ((block.timestamp // _DAY) << 128) | total


@internal
@view
def _minted_today() -> uint256:
    """
    @dev Returns how much was minted in the running UTC day.
    @return uint256 The amount in minor units.
    """
    word: uint256 = self._minted
    if word >> 128 != block.timestamp // _DAY:
        return 0
    return word & _U128
