# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title FiatEscrow
@custom:contract-name FiatEscrow
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice GCM against a bank payment. A seller locks tokens for one buyer, who owes an amount of a currency by a deadline
        and names the lock's reference in the payment. The bank gateway signs what was credited, once per payment, and
        anybody brings that signature: the tokens go to the buyer. Without a payment anybody may send them back to the
        seller once the deadline and a grace for slow banks are over.
        Partial payments are the seller's choice: if allowed, every credit releases its share at once, and a refund
        returns the rest; if not, a credit of less than is due is refused and the bank returns it. What is credited
        beyond the amount due releases nothing more and stands in the event, for the bank to return.
        A dispute holds the refund. Each side may state its bound, how much the buyer is to get of what is left: the
        buyer claims (everything, until said otherwise), the seller concedes (nothing, until said otherwise). Once the
        seller concedes what the buyer claims, the lock ends with that; otherwise the arbiter decides within the two
        bounds. An arbiter who stays silent leaves the seller's bound standing.
        A lock ends exactly once: PAID, REFUNDED or SETTLED.
@custom:security Only approved users (Guard tier) lock and are locked for. An attester can pay nobody but the buyers of
                 open locks, an arbiter nobody but the two sides; neither may be one of them. The owner is meant to be a
                 timelock; it appoints the two roles and can't touch a lock. A payment that fails, to a frozen account
                 say, is kept as `owed` and anybody may `collect` it for its owner later, so no side can hold the other up.
                 A buyer who paid and sees no release must dispute before the grace is over.
@custom:kill `Guard.pause(escrow)` refuses new locks, attestations and the arbiter. Refunds, disputes, agreements and
             `collect` go on always. `set_attester(…, False)` dismisses one attester.
"""


# ------------------------------------------------------------------
#                             INTERFACES
# ------------------------------------------------------------------


from ethereum.ercs import IERC20
from contracts.interfaces import IGuard
from contracts.interfaces import IPausable

implements: IPausable


# @dev What else is asked of the Guard.
interface ITiers:
    def tier_of(account: address) -> uint8: view


# ------------------------------------------------------------------
#                              MODULES
# ------------------------------------------------------------------


from snekmate.auth import ownable
from snekmate.auth import ownable_2step
from snekmate.utils import ecdsa
from snekmate.utils import eip712_domain_separator

initializes: ownable
initializes: ownable_2step[ownable := ownable]
initializes: eip712_domain_separator

# `renounce_ownership` is left out: without an owner a stolen attester's key could not be dismissed.
exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
    eip712_domain_separator.eip712Domain,
)


# ------------------------------------------------------------------
#                               EVENTS
# ------------------------------------------------------------------


# @dev Tokens wait for a payment.
event Locked:
    lock: indexed(bytes32)
    seller: indexed(address)
    buyer: indexed(address)
    amount: uint128
    currency: bytes3
    due: uint128
    deadline: uint40
    partial: bool
    payment_reference: bytes32


# @dev A bank's credit was attested: `excess` of it was more than was due, `released` went to the buyer.
event Credited:
    lock: indexed(bytes32)
    payment: indexed(bytes32)
    attester: indexed(address)
    credited: uint128
    excess: uint128
    released: uint128


# @dev A side stated its bound; the first time that opens the dispute.
event Disputed:
    lock: indexed(bytes32)
    by: indexed(address)
    claimed: uint128
    conceded: uint128


# @dev A lock ended; the two amounts are what its end paid, partial releases before it not counted.
event Ended:
    lock: indexed(bytes32)
    state: uint8
    to_buyer: uint128
    to_seller: uint128


# @dev A payment could not be made and waits to be collected.
event Owed:
    account: indexed(address)
    amount: uint256


# @dev What was owed was paid.
event Collected:
    account: indexed(address)
    amount: uint256


# @dev An attester was appointed or dismissed.
event AttesterChanged:
    attester: indexed(address)
    old: bool
    new: bool


# @dev Another arbiter decides from now on.
event ArbiterChanged:
    old: indexed(address)
    new: indexed(address)


# @dev The Guard stopped the escrow or lets it go on.
event PauseChanged:
    paused: bool


# ------------------------------------------------------------------
#                             CONSTANTS
# ------------------------------------------------------------------


# @dev What `lock_of` tells of a lock.
struct Lock:
    seller: address
    buyer: address
    # What was locked, and what of it is still here.
    amount: uint128
    left: uint128
    # ISO 4217, three capital letters.
    currency: bytes3
    # Minor units of the currency: what is due, and what was credited of it.
    due: uint128
    paid: uint128
    # Unix seconds.
    deadline: uint40
    # When the dispute began; 0 without one.
    disputed_at: uint40
    # The bounds of a dispute, of what is left.
    claimed: uint128
    conceded: uint128
    partial: bool
    # 0 none, 1 open, 2 paid, 3 refunded, 4 settled.
    state: uint8


# @dev States of a lock.
OPEN: constant(uint8) = 1
PAID: constant(uint8) = 2
REFUNDED: constant(uint8) = 3
SETTLED: constant(uint8) = 4


# @dev How near and how far a deadline may be.
DEADLINE_MIN: constant(uint256) = 900
DEADLINE_MAX: constant(uint256) = 30 * 86_400


# @dev The longest grace and the longest time for an arbiter.
GRACE_MAX: constant(uint256) = 7 * 86_400
DISPUTE_MAX: constant(uint256) = 60 * 86_400


# @dev What the bank gateway signs. `lock` stands for seller and reference, `payment` for the bank's own entry.
_CREDIT_TYPE_HASH: constant(bytes32) = keccak256("Credit(bytes32 lock,bytes32 payment,bytes3 currency,uint128 amount)")


# @dev Places and masks of packed fields.
_U128: constant(uint256) = (1 << 128) - 1
_U40: constant(uint256) = (1 << 40) - 1
_DEADLINE_SHIFT: constant(uint256) = 160
_CURRENCY_SHIFT: constant(uint256) = 200
_PARTIAL_SHIFT: constant(uint256) = 224
_STATE_SHIFT: constant(uint256) = 225
_STATE_MASK: constant(uint256) = 7 << 225


# @dev The token that is locked.
gcm: public(immutable(address))


# @dev The brake, and who knows the tiers.
guard: public(immutable(address))


# @dev The tier from which a user is approved.
tier_min: public(immutable(uint8))


# @dev Seconds between the deadline and the refund: a bank's credit may be told later than it was booked.
grace: public(immutable(uint256))


# @dev Seconds that the arbiter has from the beginning of a dispute.
dispute_seconds: public(immutable(uint256))


# ------------------------------------------------------------------
#                              STORAGE
# ------------------------------------------------------------------


# @dev True while new locks, attestations and decisions are stopped.
paused: public(bool)


# @dev Who decides disputes.
arbiter: public(address)


# @dev Whose signatures tell of credits.
attesters: public(HashMap[address, bool])


# @dev A bank's payment → the lock that it was counted for.
lock_of_payment: public(HashMap[bytes32, bytes32])


# @dev What open locks hold together.
escrowed: public(uint256)


# @dev What ended locks could not pay, for each account and together.
owed: public(HashMap[address, uint256])
total_owed: public(uint256)


# @dev lock → seller (160 bits) | deadline << 160 (40) | currency << 200 (24) | partial << 224 (1) | state << 225 (3).
_terms: HashMap[bytes32, uint256]


# @dev lock → buyer (160 bits) | when the dispute began << 160 (40).
_buyers: HashMap[bytes32, uint256]


# @dev lock → locked (128 bits) | left << 128 (128).
_amounts: HashMap[bytes32, uint256]


# @dev lock → due (128 bits) | paid << 128 (128).
_money: HashMap[bytes32, uint256]


# @dev lock → claimed (128 bits) | conceded << 128 (128); means nothing without a dispute.
_bounds: HashMap[bytes32, uint256]


# ------------------------------------------------------------------
#                            CONSTRUCTOR
# ------------------------------------------------------------------


@deploy
def __init__(gcm_: address, guard_: address, arbiter_: address, tier_min_: uint8, grace_: uint256, dispute_: uint256):
    """
    @dev The deployer is the first owner. There is no attester yet.
    @param gcm_ The 20-byte address of the token that is locked; it takes no fee on transfers.
    @param guard_ The 20-byte address of the Guard.
    @param arbiter_ The 20-byte address of who decides disputes.
    @param tier_min_ The tier from which a user is approved, at least 1.
    @param grace_ Seconds between a deadline and its refund, at most 7 days.
    @param dispute_ Seconds that the arbiter has, at least a day and at most 60 days.
    """
    ownable.__init__()
    ownable_2step.__init__()
    eip712_domain_separator.__init__("GreenCore FiatEscrow", "1")
    assert gcm_ != empty(address) and guard_ != empty(address), "fiat_escrow: no token or no guard"
    assert tier_min_ != 0, "fiat_escrow: tier 0 is everybody"
    assert grace_ <= GRACE_MAX, "fiat_escrow: grace out of bounds"
    assert dispute_ >= 86_400 and dispute_ <= DISPUTE_MAX, "fiat_escrow: time for disputes out of bounds"
    gcm = gcm_
    guard = guard_
    tier_min = tier_min_
    grace = grace_
    dispute_seconds = dispute_
    self._set_arbiter(arbiter_)


# ------------------------------------------------------------------
#                               SELLER
# ------------------------------------------------------------------


@external
def lock(
    buyer: address,
    amount: uint128,
    currency: bytes3,
    due: uint128,
    deadline: uint40,
    partial: bool,
    payment_reference: bytes32,
) -> bytes32:
    """
    @dev Locks the caller's tokens for one buyer. The caller has approved this contract.
    @param buyer The 20-byte address of an approved user, not the caller.
    @param amount The amount of tokens, above 0.
    @param currency The 3-byte ISO 4217 code, capital letters.
    @param due What the buyer owes, in minor units of the currency, above 0.
    @param deadline The unix second until which the bank has to book it, 15 minutes to 30 days from now.
    @param partial True if credits of less than what is due release their share.
    @param payment_reference What the payment has to name; the seller uses each only once.
    @return bytes32 The lock's number: `lock_id(caller, payment_reference)`.
    """
    return self._lock(buyer, amount, currency, due, deadline, partial, payment_reference)


@external
def lock_with_permit(
    buyer: address,
    amount: uint128,
    currency: bytes3,
    due: uint128,
    deadline: uint40,
    partial: bool,
    payment_reference: bytes32,
    permit_deadline: uint256,
    v: uint8,
    r: bytes32,
    s: bytes32,
) -> bytes32:
    """
    @dev `lock` with the allowance in the same transaction. A permit that somebody else brought first does no harm.
    @param buyer The 20-byte address of an approved user, not the caller.
    @param amount The amount of tokens, above 0, which is what the permit is for.
    @param currency The 3-byte ISO 4217 code, capital letters.
    @param due What the buyer owes, in minor units of the currency, above 0.
    @param deadline The unix second until which the bank has to book it, 15 minutes to 30 days from now.
    @param partial True if credits of less than what is due release their share.
    @param payment_reference What the payment has to name; the seller uses each only once.
    @param permit_deadline The last unix second at which the permit counts.
    @param v The 1-byte part v of the permit.
    @param r The 32-byte part r of the permit.
    @param s The 32-byte part s of the permit.
    @return bytes32 The lock's number.
    """
    # Refused if it was used already: then the allowance stands, or the transfer below fails.
    success: bool = raw_call(
        gcm,
        abi_encode(
            msg.sender,
            self,
            convert(amount, uint256),
            permit_deadline,
            v,
            r,
            s,
            method_id=method_id("permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"),
        ),
        revert_on_failure=False,
    )
    return self._lock(buyer, amount, currency, due, deadline, partial, payment_reference)


@external
def release(lock: bytes32):
    """
    @dev The seller lets the buyer have everything that is left, without waiting for the bank.
    @param lock The 32-byte number of the lock.
    """
    terms: uint256 = self._check_open(lock)
    assert msg.sender == self._seller_in(terms), "fiat_escrow: caller is not the seller"
    self._end(lock, terms, SETTLED, self._left(lock))


# ------------------------------------------------------------------
#                               BUYER
# ------------------------------------------------------------------


@external
def waive(lock: bytes32):
    """
    @dev The buyer, who won't pay, lets the seller have everything that is left, without waiting for the deadline.
    @param lock The 32-byte number of the lock.
    """
    terms: uint256 = self._check_open(lock)
    assert msg.sender == self._buyer(lock), "fiat_escrow: caller is not the buyer"
    self._end(lock, terms, SETTLED, 0)


# ------------------------------------------------------------------
#                               BOTH
# ------------------------------------------------------------------


@external
def dispute(lock: bytes32, to_buyer: uint128):
    """
    @dev States the caller's bound: what the buyer is to get of what is left. The first statement opens the dispute,
         which holds the refund for `dispute_seconds` from then on; a later one can't hold it longer. If the seller now
         concedes what the buyer claims, the lock ends with what is claimed.
    @param lock The 32-byte number of the lock.
    @param to_buyer The amount of tokens: the buyer's claim, or what the seller concedes.
    """
    terms: uint256 = self._check_open(lock)
    word: uint256 = self._buyers[lock]
    buyer: address = self._address_in(word)
    left: uint256 = self._left(lock)
    bound: uint256 = convert(to_buyer, uint256)
    assert bound <= left, "fiat_escrow: more than is left"

    claimed: uint256 = left
    conceded: uint256 = 0
    if (word >> 160) & _U40 == 0:
        self._buyers[lock] = word | (block.timestamp << 160)
    else:
        bounds: uint256 = self._bounds[lock]
        claimed = bounds & _U128
        conceded = bounds >> 128
    if msg.sender == buyer:
        claimed = bound
    else:
        assert msg.sender == self._seller_in(terms), "fiat_escrow: caller is neither side"
        conceded = bound

    self._bounds[lock] = claimed | (conceded << 128)
    log Disputed(
        lock=lock, by=msg.sender, claimed=convert(claimed, uint128), conceded=convert(conceded, uint128)
    )
    if conceded >= claimed:
        self._end(lock, terms, SETTLED, claimed)


# ------------------------------------------------------------------
#                           PERMISSIONLESS
# ------------------------------------------------------------------


@external
def attest(lock: bytes32, payment: bytes32, currency: bytes3, amount: uint128, signature: Bytes[65]):
    """
    @dev Counts a bank's credit that an attester signed, and releases what it pays for. It counts as long as the lock
         is open, late or in a dispute: the seller has the money.
    @param lock The 32-byte number of the lock.
    @param payment The 32-byte number of the bank's entry; counted once, for one lock.
    @param currency The 3-byte ISO 4217 code of the credit.
    @param amount What was credited, in minor units.
    @param signature The 64- or 65-byte signature over `Credit`.
    """
    assert not self.paused, "fiat_escrow: paused"
    terms: uint256 = self._check_open(lock)
    assert convert(convert(currency, uint24), uint256) == (terms >> _CURRENCY_SHIFT) & (
        (1 << 24) - 1
    ), "fiat_escrow: another currency"
    assert amount != 0, "fiat_escrow: nothing credited"
    assert payment != empty(bytes32), "fiat_escrow: no payment"
    assert self.lock_of_payment[payment] == empty(bytes32), "fiat_escrow: payment is counted already"

    buyer: address = self._buyer(lock)
    attester: address = ecdsa._recover_sig(
        eip712_domain_separator._hash_typed_data_v4(
            keccak256(abi_encode(_CREDIT_TYPE_HASH, lock, payment, currency, amount))
        ),
        signature,
    )
    # Garbage recovers to the zero address, which is never appointed.
    assert self.attesters[attester], "fiat_escrow: not signed by an attester"
    assert attester != buyer and attester != self._seller_in(terms), "fiat_escrow: attester is a side"

    money: uint256 = self._money[lock]
    due: uint256 = money & _U128
    paid: uint256 = money >> 128
    counted: uint256 = min(convert(amount, uint256), due - paid)
    assert paid + counted == due or (terms >> _PARTIAL_SHIFT) & 1 == 1, "fiat_escrow: less than is due"

    self.lock_of_payment[payment] = lock
    self._money[lock] = due | ((paid + counted) << 128)
    # The difference of rounded-down shares: any way of splitting a payment releases the same.
    amounts: uint256 = self._amounts[lock]
    locked: uint256 = amounts & _U128
    left: uint256 = amounts >> 128
    released: uint256 = left - (locked - locked * (paid + counted) // due)
    log Credited(
        lock=lock,
        payment=payment,
        attester=attester,
        credited=amount,
        excess=convert(convert(amount, uint256) - counted, uint128),
        released=convert(released, uint128),
    )
    if paid + counted == due:
        self._end(lock, terms, PAID, left)
    else:
        self._amounts[lock] = locked | ((left - released) << 128)
        self.escrowed -= released
        self._shrink_bounds(lock, released)
        self._pay(buyer, released)


@external
def refund(lock: bytes32):
    """
    @dev Ends a lock that was not paid: after the deadline and the grace, and after the time for a dispute if there is
         one. The seller gets what is left, less what the seller conceded in a dispute. No pause stops it.
    @param lock The 32-byte number of the lock.
    """
    terms: uint256 = self._check_open(lock)
    assert block.timestamp > self._refundable_after(lock, terms), "fiat_escrow: too early"
    conceded: uint256 = 0
    if (self._buyers[lock] >> 160) & _U40 != 0:
        conceded = self._bounds[lock] >> 128
    self._end(lock, terms, REFUNDED, conceded)


@external
def collect(account: address):
    """
    @dev Pays what could not be paid when a lock ended, to its owner and nobody else. Reverts if it still can't.
    @param account The 20-byte address.
    """
    amount: uint256 = self.owed[account]
    assert amount != 0, "fiat_escrow: nothing is owed"
    self.owed[account] = 0
    self.total_owed -= amount
    log Collected(account=account, amount=amount)
    assert extcall IERC20(gcm).transfer(account, amount), "fiat_escrow: token refuses"


# ------------------------------------------------------------------
#                              ARBITER
# ------------------------------------------------------------------


@external
def decide(lock: bytes32, to_buyer: uint128):
    """
    @dev Ends a dispute within what the seller concedes and the buyer claims.
    @param lock The 32-byte number of the lock.
    @param to_buyer What the buyer gets of what is left; the seller gets the rest.
    """
    assert not self.paused, "fiat_escrow: paused"
    assert msg.sender == self.arbiter, "fiat_escrow: access is denied"
    terms: uint256 = self._check_open(lock)
    word: uint256 = self._buyers[lock]
    assert (word >> 160) & _U40 != 0, "fiat_escrow: no dispute"
    assert msg.sender != self._address_in(word) and msg.sender != self._seller_in(
        terms
    ), "fiat_escrow: arbiter is a side"
    bounds: uint256 = self._bounds[lock]
    decided: uint256 = convert(to_buyer, uint256)
    assert decided >= bounds >> 128 and decided <= bounds & _U128, "fiat_escrow: outside the two sides' bounds"
    self._end(lock, terms, SETTLED, decided)


# ------------------------------------------------------------------
#                               OWNER
# ------------------------------------------------------------------


@external
def set_attester(attester: address, active: bool):
    """
    @dev Appoints or dismisses an attester.
    @param attester The 20-byte address.
    @param active True to appoint.
    """
    ownable._check_owner()
    assert attester != empty(address), "fiat_escrow: no attester"
    old: bool = self.attesters[attester]
    self.attesters[attester] = active
    log AttesterChanged(attester=attester, old=old, new=active)


@external
def set_arbiter(arbiter: address):
    """
    @dev Lets somebody else decide disputes, the open ones too.
    @param arbiter The 20-byte address.
    """
    ownable._check_owner()
    self._set_arbiter(arbiter)


# ------------------------------------------------------------------
#                               GUARD
# ------------------------------------------------------------------


@external
def set_paused(paused_: bool):
    """
    @dev Stops new locks, attestations and decisions, or lets them go on.
    @param paused_ True to stop.
    """
    assert msg.sender == guard, "fiat_escrow: access is denied"
    self.paused = paused_
    log PauseChanged(paused=paused_)


# ------------------------------------------------------------------
#                                VIEW
# ------------------------------------------------------------------


@external
@view
def lock_of(lock: bytes32) -> Lock:
    """
    @dev Returns a lock; all zero when there is none.
    @param lock The 32-byte number of the lock.
    @return Lock The sides, the amounts, the money, the times, the bounds of a dispute, and the state.
    """
    terms: uint256 = self._terms[lock]
    word: uint256 = self._buyers[lock]
    amounts: uint256 = self._amounts[lock]
    money: uint256 = self._money[lock]
    disputed_at: uint256 = (word >> 160) & _U40
    bounds: uint256 = 0
    if disputed_at != 0:
        bounds = self._bounds[lock]
    return Lock(
        seller=self._seller_in(terms),
        buyer=self._address_in(word),
        amount=convert(amounts & _U128, uint128),
        left=convert(amounts >> 128, uint128),
        currency=convert(convert((terms >> _CURRENCY_SHIFT) & ((1 << 24) - 1), uint24), bytes3),
        due=convert(money & _U128, uint128),
        paid=convert(money >> 128, uint128),
        deadline=convert((terms >> _DEADLINE_SHIFT) & _U40, uint40),
        disputed_at=convert(disputed_at, uint40),
        claimed=convert(bounds & _U128, uint128),
        conceded=convert(bounds >> 128, uint128),
        partial=(terms >> _PARTIAL_SHIFT) & 1 == 1,
        state=self._state_in(terms),
    )


@external
@view
def refundable_after(lock: bytes32) -> uint256:
    """
    @dev Returns the unix second after which anybody may refund an open lock.
    @param lock The 32-byte number of the lock.
    @return uint256 The unix second.
    """
    return self._refundable_after(lock, self._check_open(lock))


@external
@pure
def lock_id(seller: address, payment_reference: bytes32) -> bytes32:
    """
    @dev Returns the number that a lock has or will have.
    @param seller The 20-byte address of the seller.
    @param payment_reference The 32-byte reference.
    @return bytes32 The lock's number.
    """
    return self._lock_id(seller, payment_reference)


# ------------------------------------------------------------------
#                              INTERNAL
# ------------------------------------------------------------------


@internal
def _lock(
    buyer: address,
    amount: uint128,
    currency: bytes3,
    due: uint128,
    deadline: uint40,
    partial: bool,
    payment_reference: bytes32,
) -> bytes32:
    """
    @dev Locks the caller's tokens, see `lock`.
    @param buyer The 20-byte address of the buyer.
    @param amount The amount of tokens.
    @param currency The 3-byte currency code.
    @param due The amount due in minor units.
    @param deadline The unix second.
    @param partial True if partial payments release their share.
    @param payment_reference The 32-byte reference.
    @return bytes32 The lock's number.
    """
    assert not self.paused, "fiat_escrow: paused"
    assert buyer != msg.sender, "fiat_escrow: seller and buyer are one"
    assert (
        staticcall ITiers(guard).tier_of(msg.sender) >= tier_min and staticcall ITiers(guard).tier_of(buyer) >= tier_min
    ), "fiat_escrow: not an approved user"
    assert not staticcall IGuard(guard).any_frozen(msg.sender, buyer), "fiat_escrow: account is frozen"
    assert amount != 0 and due != 0, "fiat_escrow: no amount"
    code: uint256 = convert(convert(currency, uint24), uint256)
    for i: uint256 in range(3):
        letter: uint256 = (code >> (8 * i)) & 255
        assert letter >= 65 and letter <= 90, "fiat_escrow: not a currency code"
    ends: uint256 = convert(deadline, uint256)
    assert (
        ends >= block.timestamp + DEADLINE_MIN and ends <= block.timestamp + DEADLINE_MAX
    ), "fiat_escrow: deadline out of bounds"
    lock: bytes32 = self._lock_id(msg.sender, payment_reference)
    assert self._terms[lock] == 0, "fiat_escrow: reference is used"

    self._terms[lock] = (
        convert(msg.sender, uint256)
        | (ends << _DEADLINE_SHIFT)
        | (code << _CURRENCY_SHIFT)
        | (convert(partial, uint256) << _PARTIAL_SHIFT)
        | (convert(OPEN, uint256) << _STATE_SHIFT)
    )
    self._buyers[lock] = convert(buyer, uint256)
    self._amounts[lock] = convert(amount, uint256) | (convert(amount, uint256) << 128)
    self._money[lock] = convert(due, uint256)
    self.escrowed += convert(amount, uint256)
    log Locked(
        lock=lock,
        seller=msg.sender,
        buyer=buyer,
        amount=amount,
        currency=currency,
        due=due,
        deadline=deadline,
        partial=partial,
        payment_reference=payment_reference,
    )
    assert extcall IERC20(gcm).transferFrom(
        msg.sender, self, convert(amount, uint256)
    ), "fiat_escrow: token refuses"
    return lock


@internal
def _end(lock: bytes32, terms: uint256, state: uint8, to_buyer: uint256):
    """
    @dev Ends an open lock: nothing is left in it, and what was left is paid or owed.
    @param lock The 32-byte number of the lock.
    @param terms The lock's terms word, open.
    @param state The state that it ends in.
    @param to_buyer What the buyer gets of what is left.
    """
    amounts: uint256 = self._amounts[lock]
    left: uint256 = amounts >> 128
    to_seller: uint256 = left - to_buyer
    self._terms[lock] = (terms & ~_STATE_MASK) | (convert(state, uint256) << _STATE_SHIFT)
    self._amounts[lock] = amounts & _U128
    self.escrowed -= left
    log Ended(
        lock=lock, state=state, to_buyer=convert(to_buyer, uint128), to_seller=convert(to_seller, uint128)
    )
    self._pay(self._buyer(lock), to_buyer)
    self._pay(self._seller_in(terms), to_seller)


@internal
def _pay(account: address, amount: uint256):
    """
    @dev Pays, or notes what is owed: one side's refusal must not hold the other's payment up.
    @param account The 20-byte address.
    @param amount The amount of tokens.
    """
    if amount == 0:
        return
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        gcm,
        abi_encode(account, amount, method_id=method_id("transfer(address,uint256)")),
        max_outsize=32,
        revert_on_failure=False,
    )
    if success and len(answer) == 32 and convert(answer, uint256) == 1:
        return
    self.owed[account] += amount
    self.total_owed += amount
    log Owed(account=account, amount=amount)


@internal
def _shrink_bounds(lock: bytes32, released: uint256):
    """
    @dev What a credit released is no longer in dispute: both bounds fall by it, not below 0.
    @param lock The 32-byte number of the lock.
    @param released What the buyer got.
    """
    if (self._buyers[lock] >> 160) & _U40 != 0:
        bounds: uint256 = self._bounds[lock]
        claimed: uint256 = bounds & _U128
        conceded: uint256 = bounds >> 128
        self._bounds[lock] = (claimed - min(claimed, released)) | ((conceded - min(conceded, released)) << 128)


@internal
def _set_arbiter(arbiter: address):
    """
    @dev Appoints the arbiter.
    @param arbiter The 20-byte address, not zero.
    """
    assert arbiter != empty(address), "fiat_escrow: no arbiter"
    log ArbiterChanged(old=self.arbiter, new=arbiter)
    self.arbiter = arbiter


@internal
@view
def _check_open(lock: bytes32) -> uint256:
    """
    @dev Refuses a lock that is not open.
    @param lock The 32-byte number of the lock.
    @return uint256 Its terms word.
    """
    terms: uint256 = self._terms[lock]
    assert self._state_in(terms) == OPEN, "fiat_escrow: lock is not open"
    return terms


@internal
@view
def _refundable_after(lock: bytes32, terms: uint256) -> uint256:
    """
    @dev Returns the unix second after which a lock may be refunded.
    @param lock The 32-byte number of the lock.
    @param terms The lock's terms word.
    @return uint256 The later one of the end of the grace and the end of the time for a dispute.
    """
    after: uint256 = ((terms >> _DEADLINE_SHIFT) & _U40) + grace
    disputed_at: uint256 = (self._buyers[lock] >> 160) & _U40
    if disputed_at != 0:
        after = max(after, disputed_at + dispute_seconds)
    return after


@internal
@view
def _buyer(lock: bytes32) -> address:
    """
    @dev Returns the buyer of a lock.
    @param lock The 32-byte number of the lock.
    @return address The 20-byte address.
    """
    return self._address_in(self._buyers[lock])


@internal
@view
def _left(lock: bytes32) -> uint256:
    """
    @dev Returns what is left in a lock.
    @param lock The 32-byte number of the lock.
    @return uint256 The amount of tokens.
    """
    return self._amounts[lock] >> 128


@internal
@pure
def _lock_id(seller: address, payment_reference: bytes32) -> bytes32:
    """
    @dev Returns a lock's number: nobody else can take a seller's reference.
    @param seller The 20-byte address of the seller.
    @param payment_reference The 32-byte reference.
    @return bytes32 The number.
    """
    return keccak256(abi_encode(seller, payment_reference))


@internal
@pure
def _seller_in(terms: uint256) -> address:
    """
    @dev Unpacks the seller of a terms word.
    @param terms The terms word.
    @return address The 20-byte address.
    """
    return self._address_in(terms)


@internal
@pure
def _state_in(terms: uint256) -> uint8:
    """
    @dev Unpacks the state of a terms word.
    @param terms The terms word.
    @return uint8 The state.
    """
    return convert((terms & _STATE_MASK) >> _STATE_SHIFT, uint8)


@internal
@pure
def _address_in(word: uint256) -> address:
    """
    @dev Unpacks the address at a word's low end.
    @param word The word.
    @return address The 20-byte address.
    """
    return convert(word & convert(max_value(uint160), uint256), address)
