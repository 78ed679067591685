# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title GCC
@custom:contract-name GCC
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice The coin: an ERC-20 with permit and nine decimals, the only token that leaves the platform. It is converted from
        GCM at the treasury's rate (100 GCM a coin to start) and back at the same rate. The GCM stays here, so every
        coin can be redeemed at every instant. Conversions are limited per account and for all together, per UTC day; an
        account's limit follows from its tier at the Guard, and starts at 0 for everybody. Transfers ask for a tier of
        both sides. The way back into GCM has neither limit nor tier: only a freeze or a stop closes it.
@custom:security GCM held here × 10^6 is at least supply × rate at every instant: conversions take rounded up, redemptions
                 give rounded down, and a rate that the reserve does not cover is refused, so a higher one has to be
                 funded first by a plain transfer of GCM to this address. Nobody can take the reserve: what a lower rate
                 sets free stays, for a later rise. The rate may be lowered, with the notice of the timelock that is
                 meant to own this contract, and holders can leave before that. A UTC day bounds a conversion, so
                 around midnight two days' limits can be used within minutes.
@custom:kill `Guard.pause(gcc)` stops transfers, conversions and redemptions; a total limit of 0 stops conversions only.
             `Guard.pause(gcm)` stops conversions and redemptions, and GCC still moves.
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


# @dev What the coin asks the Guard besides freezes.
interface Tiers:
    def tier_of(account: address) -> uint8: view


# ------------------------------------------------------------------
#                              MODULES
# ------------------------------------------------------------------


from snekmate.auth import ownable
from snekmate.auth import ownable_2step
from snekmate.tokens import erc20

initializes: ownable
initializes: ownable_2step[ownable := ownable]
initializes: erc20[ownable := ownable]

# `renounce_ownership` is left out: rate and limits are policies and need somebody to set them. snekmate's transfers, mints,
# burns and minters are left out: what moves coins asks the Guard first, and only a conversion mints.
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


# @dev GCM became coins.
event Converted:
    account: indexed(address)
    gcm: uint256
    gcc: uint256
    rate: uint256


# @dev Coins became GCM again.
event Redeemed:
    account: indexed(address)
    gcc: uint256
    gcm: uint256
    rate: uint256


# @dev A whole coin costs another number of GCM, in millionths.
event RateChanged:
    old: uint256
    new: uint256


# @dev What an account of a tier may convert in a day changed, in 10^-9 GCC.
event LimitChanged:
    tier: indexed(uint8)
    old: uint128
    new: uint128


# @dev What all accounts together may convert in a day changed, in 10^-9 GCC.
event TotalLimitChanged:
    old: uint128
    new: uint128


# @dev Both sides of a transfer need another tier.
event TransferTierChanged:
    old: uint8
    new: uint8


# @dev The Guard stopped this contract or lets it go on.
event PauseChanged:
    paused: bool


# ------------------------------------------------------------------
#                             CONSTANTS
# ------------------------------------------------------------------


# @dev A rate of one GCM per coin.
RATE_ONE: constant(uint256) = 1_000_000


# @dev The first rate: 100 GCM per coin.
_RATE_FIRST: constant(uint64) = 100_000_000


# @dev The tier that both sides of a transfer need at first.
_TRANSFER_TIER_FIRST: constant(uint8) = 1


# @dev A day of the limits, in UTC.
_DAY: constant(uint256) = 86_400


# @dev Fields of packed words.
_U8: constant(uint256) = (1 << 8) - 1
_U64: constant(uint256) = (1 << 64) - 1
_U128: constant(uint256) = (1 << 128) - 1
_PAUSED: constant(uint256) = 1 << 72


# @dev What coins are converted from.
gcm: public(immutable(address))


# @dev Freezes, tiers and the brake.
guard: public(immutable(address))


# ------------------------------------------------------------------
#                              STORAGE
# ------------------------------------------------------------------


# @dev millionths of a GCM per coin (64 bits) | tier for transfers << 64 (8) | paused << 72 (1).
_rules: uint256


# @dev tier → the most that an account of it converts in a day, in 10^-9 GCC.
limit_of: public(HashMap[uint8, uint128])


# @dev The most that all accounts together convert in a day, in 10^-9 GCC.
total_limit: public(uint128)


# @dev account → converted on its last day, in 10^-9 GCC (128 bits) | that day << 128. All accounts together: the zero
# address.
_converted: HashMap[address, uint256]


# ------------------------------------------------------------------
#                            CONSTRUCTOR
# ------------------------------------------------------------------


@deploy
def __init__(gcm_: address, guard_: address):
    """
    @dev The deployer is the first owner. A coin costs 100 GCM; nobody may convert before limits are set.
    @param gcm_ The 20-byte address of the index token.
    @param guard_ The 20-byte address of the Guard.
    """
    ownable.__init__()
    ownable_2step.__init__()
    erc20.__init__("GreenCore Coin", "GCC", 9, "GreenCore Coin", "1")
    gcm = gcm_
    guard = guard_
    self._rules = convert(_RATE_FIRST, uint256) | (convert(_TRANSFER_TIER_FIRST, uint256) << 64)
    log RateChanged(old=0, new=convert(_RATE_FIRST, uint256))
    log TransferTierChanged(old=0, new=_TRANSFER_TIER_FIRST)


# ------------------------------------------------------------------
#                              HOLDERS
# ------------------------------------------------------------------


@external
def transfer(to: address, amount: uint256) -> bool:
    """
    @dev Moves coins of the caller.
    @param to The 20-byte address that receives.
    @param amount The amount in 10^-9 GCC.
    @return bool True; anything else reverts.
    """
    self._check_may_move(msg.sender, to)
    erc20._transfer(msg.sender, to, amount)
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """
    @dev Moves coins of an owner who approved the caller.
    @param owner The 20-byte address that gives.
    @param to The 20-byte address that receives.
    @param amount The amount in 10^-9 GCC.
    @return bool True; anything else reverts.
    """
    self._check_may_move(owner, to)
    assert not staticcall IGuard(guard).frozen(msg.sender), "gcc: account is frozen"
    erc20._spend_allowance(owner, msg.sender, amount)
    erc20._transfer(owner, to, amount)
    return True


@external
def convert_gcm(amount: uint256, least: uint256) -> uint256:
    """
    @dev Turns GCM of the caller, who has approved this contract at the GCM, into coins of the caller. Takes no more than the
         coins cost: a remainder that makes no unit stays with the caller.
    @param amount The most GCM to convert, in 10^-9 GCM.
    @param least The least coins that are accepted, in 10^-9 GCC.
    @return uint256 The coins that were minted, in 10^-9 GCC.
    """
    return self._convert(amount, least)


@external
def convert_with_permit(
    amount: uint256, least: uint256, allowed: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32
) -> uint256:
    """
    @dev As `convert_gcm`, with the approval in the same transaction. A permit that somebody else has shown already does no
         harm: then the allowance stands.
    @param amount The most GCM to convert, in 10^-9 GCM.
    @param least The least coins that are accepted, in 10^-9 GCC.
    @param allowed The allowance that the permit gives, in 10^-9 GCM.
    @param deadline The permit's last second, unix time.
    @param v The signature's 1-byte `v`.
    @param r The signature's 32-byte `r`.
    @param s The signature's 32-byte `s`.
    @return uint256 The coins that were minted, in 10^-9 GCC.
    """
    shown: bool = raw_call(
        gcm,
        abi_encode(
            msg.sender,
            self,
            allowed,
            deadline,
            v,
            r,
            s,
            method_id=method_id("permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"),
        ),
        revert_on_failure=False,
    )
    return self._convert(amount, least)


@external
def redeem(amount: uint256, least: uint256) -> uint256:
    """
    @dev Turns coins of the caller back into GCM of the caller, rounded down.
    @param amount The amount in 10^-9 GCC.
    @param least The least GCM that is accepted, in 10^-9 GCM.
    @return uint256 The GCM that was paid, in 10^-9 GCM.
    """
    rules: uint256 = self._rules
    assert rules & _PAUSED == 0, "gcc: paused"
    assert not staticcall IGuard(guard).frozen(msg.sender), "gcc: account is frozen"
    rate: uint256 = rules & _U64
    paid: uint256 = amount * rate // RATE_ONE
    assert paid != 0, "gcc: too little to redeem"
    assert paid >= least, "gcc: less than accepted"
    erc20._burn(msg.sender, amount)
    log Redeemed(account=msg.sender, gcc=amount, gcm=paid, rate=rate)
    assert extcall IERC20(gcm).transfer(msg.sender, paid)
    return paid


# ------------------------------------------------------------------
#                               OWNER
# ------------------------------------------------------------------


@external
def set_rate(rate_: uint64):
    """
    @dev Sets what a coin costs and gives from now on. The GCM held here has to cover every coin at it.
    @param rate_ The rate in millionths of a GCM per coin.
    """
    ownable._check_owner()
    assert rate_ != 0, "gcc: rate is zero"
    assert self._needed(erc20.totalSupply, convert(rate_, uint256)) <= staticcall IERC20(gcm).balanceOf(self), (
        "gcc: not covered at this rate"
    )
    rules: uint256 = self._rules
    self._rules = (rules & ~_U64) | convert(rate_, uint256)
    log RateChanged(old=rules & _U64, new=convert(rate_, uint256))


@external
def set_limit(tier: uint8, limit: uint128):
    """
    @dev Sets what an account of a tier may convert in a day.
    @param tier The 1-byte tier.
    @param limit The limit in 10^-9 GCC.
    """
    ownable._check_owner()
    log LimitChanged(tier=tier, old=self.limit_of[tier], new=limit)
    self.limit_of[tier] = limit


@external
def set_total_limit(limit: uint128):
    """
    @dev Sets what all accounts together may convert in a day.
    @param limit The limit in 10^-9 GCC.
    """
    ownable._check_owner()
    log TotalLimitChanged(old=self.total_limit, new=limit)
    self.total_limit = limit


@external
def set_transfer_tier(tier: uint8):
    """
    @dev Sets the tier that both sides of a transfer need; 0 for none.
    @param tier The 1-byte tier.
    """
    ownable._check_owner()
    rules: uint256 = self._rules
    self._rules = (rules & ~(_U8 << 64)) | (convert(tier, uint256) << 64)
    log TransferTierChanged(old=convert((rules >> 64) & _U8, uint8), new=tier)


# ------------------------------------------------------------------
#                               GUARD
# ------------------------------------------------------------------


@external
def set_paused(paused_: bool):
    """
    @dev Stops transfers, conversions and redemptions, or lets them go on.
    @param paused_ True to stop.
    """
    assert msg.sender == guard, "gcc: access is denied"
    self._rules = (self._rules & ~_PAUSED) | (convert(paused_, uint256) << 72)
    log PauseChanged(paused=paused_)


# ------------------------------------------------------------------
#                                VIEW
# ------------------------------------------------------------------


@external
@view
def paused() -> bool:
    """
    @dev Tells whether the contract is stopped.
    @return bool True while it is.
    """
    return self._rules & _PAUSED != 0


@external
@view
def rate() -> uint256:
    """
    @dev Returns what a coin costs and gives.
    @return uint256 The rate in millionths of a GCM per coin.
    """
    return self._rules & _U64


@external
@view
def transfer_tier() -> uint8:
    """
    @dev Returns the tier that both sides of a transfer need.
    @return uint8 The tier; 0 for none.
    """
    return convert((self._rules >> 64) & _U8, uint8)


@external
@view
def converted_today(account: address) -> uint256:
    """
    @dev Returns what an account converted on the present UTC day.
    @param account The 20-byte address; the zero address for all accounts together.
    @return uint256 The amount in 10^-9 GCC.
    """
    return self._today(account)


@external
@view
def room(account: address) -> uint256:
    """
    @dev Returns what an account may still convert on the present UTC day.
    @param account The 20-byte address.
    @return uint256 The amount in 10^-9 GCC.
    """
    own: uint256 = convert(self.limit_of[staticcall Tiers(guard).tier_of(account)], uint256)
    total: uint256 = convert(self.total_limit, uint256)
    used: uint256 = self._today(account)
    used_by_all: uint256 = self._today(empty(address))
    # Either limit may have been lowered below what was used.
    return min(own - min(own, used), total - min(total, used_by_all))


@external
@view
def preview_convert(amount: uint256) -> (uint256, uint256):
    """
    @dev Returns what a conversion would make now, limits apart.
    @param amount The most GCM to convert, in 10^-9 GCM.
    @return uint256 The coins in 10^-9 GCC, rounded down.
    @return uint256 The GCM that they cost in 10^-9 GCM, rounded up.
    """
    price: uint256 = self._rules & _U64
    coins: uint256 = amount * RATE_ONE // price
    return coins, self._needed(coins, price)


@external
@view
def preview_redeem(amount: uint256) -> uint256:
    """
    @dev Returns what a redemption would pay now.
    @param amount The amount in 10^-9 GCC.
    @return uint256 The GCM in 10^-9 GCM, rounded down.
    """
    return amount * (self._rules & _U64) // RATE_ONE


@external
@view
def surplus() -> uint256:
    """
    @dev Returns the GCM that no coin needs at the present rate. It only covers a higher one.
    @return uint256 The amount in 10^-9 GCM.
    """
    return staticcall IERC20(gcm).balanceOf(self) - self._needed(erc20.totalSupply, self._rules & _U64)


# ------------------------------------------------------------------
#                              INTERNAL
# ------------------------------------------------------------------


@internal
@view
def _check_may_move(owner: address, to: address):
    """
    @dev Refuses a stop, frozen accounts, a tier that is too low, and this contract as receiver.
    @param owner The 20-byte address that gives.
    @param to The 20-byte address that receives.
    """
    rules: uint256 = self._rules
    assert rules & _PAUSED == 0, "gcc: paused"
    assert to != self, "gcc: the receiver is the coin"
    assert not staticcall IGuard(guard).any_frozen(owner, to), "gcc: account is frozen"
    needed: uint8 = convert((rules >> 64) & _U8, uint8)
    if needed != 0:
        assert staticcall Tiers(guard).tier_of(owner) >= needed, "gcc: sender's tier is too low"
        assert staticcall Tiers(guard).tier_of(to) >= needed, "gcc: receiver's tier is too low"


@internal
@pure
def _needed(coins: uint256, price: uint256) -> uint256:
    """
    @dev Returns the GCM that coins cost.
    @param coins The coins in 10^-9 GCC.
    @param price The rate in millionths of a GCM per coin.
    @return uint256 The GCM in 10^-9 GCM, rounded up.
    """
    return (coins * price + RATE_ONE - 1) // RATE_ONE


@internal
@view
def _today(account: address) -> uint256:
    """
    @dev Returns what an account converted on the present UTC day.
    @param account The 20-byte address; the zero address for all accounts together.
    @return uint256 The amount in 10^-9 GCC.
    """
    word: uint256 = self._converted[account]
    if word >> 128 != block.timestamp // _DAY:
        return 0
    return word & _U128


@internal
def _use(account: address, coins: uint256, limit: uint128):
    """
    @dev Counts a conversion against a day's limit.
    @param account The 20-byte address; the zero address for all accounts together.
    @param coins The amount in 10^-9 GCC.
    @param limit The limit in 10^-9 GCC.
    """
    used: uint256 = self._today(account) + coins
    assert used <= convert(limit, uint256), "gcc: over the day's limit"
    self._converted[account] = used | ((block.timestamp // _DAY) << 128)


@internal
def _convert(amount: uint256, least: uint256) -> uint256:
    """
    @dev Turns GCM of the caller into coins of the caller, within the limits.
    @param amount The most GCM to convert, in 10^-9 GCM.
    @param least The least coins that are accepted, in 10^-9 GCC.
    @return uint256 The coins that were minted, in 10^-9 GCC.
    """
    rules: uint256 = self._rules
    assert rules & _PAUSED == 0, "gcc: paused"
    assert not staticcall IGuard(guard).frozen(msg.sender), "gcc: account is frozen"
    price: uint256 = rules & _U64
    coins: uint256 = amount * RATE_ONE // price
    assert coins != 0, "gcc: too little to convert"
    assert coins >= least, "gcc: less than accepted"
    self._use(msg.sender, coins, self.limit_of[staticcall Tiers(guard).tier_of(msg.sender)])
    self._use(empty(address), coins, self.total_limit)
    # At most `amount`: coins × price ÷ 10^6 is at most that, and it is whole.
    cost: uint256 = self._needed(coins, price)
    erc20._mint(msg.sender, coins)
    log Converted(account=msg.sender, gcm=cost, gcc=coins, rate=price)
    assert extcall IERC20(gcm).transferFrom(msg.sender, self, cost)
    return coins
