# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Pool
@custom:contract-name Pool
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice A constant-product market of one ERC-1155 id (a utility's class or a batch) against one ERC-20, GCM as a rule.
        Who adds both sides in proportion gets shares, an ERC-20 with permit, and takes the same part of whatever is
        there when they are given back. Anybody sells energy or buys it, with the exact amount on either side; each
        trade pays a fee in money, a part of which stays in the pool for the shares and a part is counted for the
        treasury until somebody collects it. The formulas stand in `curve`. Every rounding is in the pool's favour, so
        E·M never falls in a trade and a share's part of √(E·M) never falls at all. Amounts are µWh and the money's
        smallest unit.
@custom:security Reserves are counted and never read from balances: what is sent here unasked moves no price and makes
                 nobody's share dearer, energy sent unasked is refused, money sent unasked is lost. The first 1,000
                 shares belong to nobody, so the reserves never get empty again. What a trade takes must arrive in full
                 before anything is written or paid. Everything that asks or moves is locked while a token is called,
                 the quotes too. A skewed pool is met with `shares_min`, `money_min`, `energy_max` and the like: quote,
                 then send what you accept and until when. Roles: the owner (meant to be a timelock) sets the fees, at
                 most 1 % together and never more for the treasury than for the shares, the beneficiary, and the Guard's
                 tier that trading and adding need of the caller and of the receiver; it can move no reserves. A frozen
                 account neither trades nor moves shares. A router that trades here for others needs the tier itself,
                 and must ask the same of them.
@custom:kill `Guard.pause(pool)` stops trades and adding; giving shares back cannot be stopped here. While the energy
             token itself is paused its energy cannot leave, and neither can it with a share.
"""


# ------------------------------------------------------------------
#                             INTERFACES
# ------------------------------------------------------------------


from ethereum.ercs import IERC165
from ethereum.ercs import IERC20
from contracts.interfaces import IEnergyToken
from contracts.interfaces import IGuard
from contracts.interfaces import IPausable
from contracts.interfaces import IPool

implements: IERC165
implements: IERC20
implements: IPausable
implements: IPool


# @dev What is asked of the Guard beside freezes.
interface Tiers:
    def tier_of(account: address) -> uint8: view


# ------------------------------------------------------------------
#                              MODULES
# ------------------------------------------------------------------


from snekmate.auth import ownable
from snekmate.auth import ownable_2step
from snekmate.tokens import erc20
from snekmate.utils import math
from contracts.modules import curve

initializes: ownable
initializes: ownable_2step[ownable := ownable]
initializes: erc20[ownable := ownable]

# Left out: `renounce_ownership`, since the fees are a policy and need somebody to set them; snekmate's minting, burning
# and minters, since shares come and go with reserves only; its transfers, since ours ask the Guard.
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


# @dev A trade: energy went in and money out (`sold`), or the other way round. `money` is what the trader got or gave,
# with the fee; `treasury_fee` was counted for the treasury. Then the reserves after it.
event Swapped:
    trader: indexed(address)
    receiver: indexed(address)
    sold: bool
    energy: uint256
    money: uint256
    treasury_fee: uint256
    energy_reserve: uint256
    money_reserve: uint256


# @dev Both sides were added for new shares. Then the reserves after it.
event LiquidityAdded:
    account: indexed(address)
    receiver: indexed(address)
    shares: uint256
    energy: uint256
    money: uint256
    energy_reserve: uint256
    money_reserve: uint256


# @dev Shares were given back for both sides. Then the reserves after it.
event LiquidityRemoved:
    account: indexed(address)
    receiver: indexed(address)
    shares: uint256
    energy: uint256
    money: uint256
    energy_reserve: uint256
    money_reserve: uint256


# @dev The counted part of the fees went to the beneficiary.
event FeesCollected:
    beneficiary: indexed(address)
    amount: uint256


# @dev The fees changed, in hundredths of a per cent.
event FeesChanged:
    old_lp_bps: uint256
    old_treasury_bps: uint256
    lp_bps: uint256
    treasury_bps: uint256


# @dev The treasury's part of the fees goes to another address.
event BeneficiaryChanged:
    old: indexed(address)
    new: indexed(address)


# @dev Trading and adding need another tier.
event TierChanged:
    old: uint8
    new: uint8


# @dev The Guard stopped trades and adding, or lets them go on.
event PauseChanged:
    paused: bool


# ------------------------------------------------------------------
#                             CONSTANTS
# ------------------------------------------------------------------


# @dev The shares that nobody owns.
DEAD_SHARES: constant(uint256) = 1_000


# @dev Who holds them.
_NOBODY: constant(address) = 0x000000000000000000000000000000000000dEaD


# @dev Both fees together are at most 1 %.
FEE_MAX: constant(uint256) = 100


# @dev The whole, in hundredths of a per cent, and the largest reserve and amount.
_BPS: constant(uint256) = curve.BPS
_MAX: constant(uint256) = curve.MAX


# @dev Fields of the packed state: energy (112 bits) | money << 112 | LP fee << 224 (8) | treasury fee << 232 (8) |
# paused << 240 (1) | tier << 248 (8).
_U8: constant(uint256) = 255


# @dev The largest number of ids in a batch transfer, as the energy token has it.
_BATCH_SIZE: constant(uint256) = 128


# @dev The ERC-165 identifiers of ERC-165 and of an ERC-1155 receiver.
_SUPPORTED: constant(bytes4[2]) = [0x01FFC9A7, 0x4E2312E0]


# @dev The ERC-1155 that is traded.
energy_token: public(immutable(address))


# @dev Its id: a class or a batch.
energy_id: public(immutable(uint256))


# @dev The ERC-20 that it is traded against.
money: public(immutable(address))


# @dev The brake, and who knows the tiers.
guard: public(immutable(address))


# ------------------------------------------------------------------
#                              STORAGE
# ------------------------------------------------------------------


# @dev What a trade reads and writes.
struct State:
    energy: uint256
    money: uint256
    lp_bps: uint256
    treasury_bps: uint256
    paused: bool
    tier: uint256


# @dev The packed state.
_state: uint256


# @dev Money that was counted for the treasury and not collected yet.
treasury_owed: public(uint256)


# @dev Who gets it.
beneficiary: public(address)


# @dev The energy that this contract is fetching right now; nothing else may come in.
_awaited: transient(uint256)


# ------------------------------------------------------------------
#                            CONSTRUCTOR
# ------------------------------------------------------------------


@deploy
def __init__(
    energy_token_: address,
    energy_id_: uint256,
    money_: address,
    guard_: address,
    beneficiary_: address,
    lp_bps: uint256,
    treasury_bps: uint256,
    name_: String[25],
    symbol_: String[5],
):
    """
    @dev The deployer is the first owner. The pool is empty until somebody adds both sides and so chooses the price.
    @param energy_token_ The 20-byte address of the ERC-1155.
    @param energy_id_ The 32-byte id that is traded.
    @param money_ The 20-byte address of the ERC-20.
    @param guard_ The 20-byte address of the Guard.
    @param beneficiary_ The 20-byte address that gets the treasury's part of the fees.
    @param lp_bps The fee for the shares in hundredths of a per cent.
    @param treasury_bps The fee for the treasury in hundredths of a per cent.
    @param name_ The name of the shares.
    @param symbol_ The symbol of the shares.
    """
    assert energy_token_.is_contract and money_.is_contract and guard_.is_contract, "pool: not a contract"
    assert energy_token_ != money_, "pool: energy and money are the same"
    ownable.__init__()
    ownable_2step.__init__()
    erc20.__init__(name_, symbol_, 18, name_, "1")
    energy_token = energy_token_
    energy_id = energy_id_
    money = money_
    guard = guard_
    self._set_beneficiary(beneficiary_)
    self._set_fees(lp_bps, treasury_bps)


# ------------------------------------------------------------------
#                              TRADERS
# ------------------------------------------------------------------


@external
def sell(energy: uint256, money_min: uint256, to: address, deadline: uint256) -> uint256:
    """
    @dev Sells an exact amount of energy. The caller must have approved the pool at the energy token.
    @param energy The energy to give in µWh.
    @param money_min The least money to accept.
    @param to The 20-byte address that gets the money.
    @param deadline The last second at which it may happen, unix time.
    @return uint256 The money that was paid.
    """
    state: State = self._opened(to, deadline)
    paid: uint256 = 0
    cut: uint256 = 0
    paid, cut = self._sell(state, energy)
    assert paid >= money_min, "pool: less than the minimum"
    self._execute_sale(state, energy, paid, cut, to)
    return paid


@external
def sell_for(paid: uint256, energy_max: uint256, to: address, deadline: uint256) -> uint256:
    """
    @dev Sells as little energy as an exact amount of money needs.
    @param paid The money to get.
    @param energy_max The most energy to give in µWh.
    @param to The 20-byte address that gets the money.
    @param deadline The last second at which it may happen, unix time.
    @return uint256 The energy that was taken in µWh.
    """
    state: State = self._opened(to, deadline)
    energy: uint256 = 0
    cut: uint256 = 0
    energy, cut = self._sell_for(state, paid)
    assert energy <= energy_max, "pool: more than the maximum"
    self._execute_sale(state, energy, paid, cut, to)
    return energy


@external
def buy(energy: uint256, money_max: uint256, to: address, deadline: uint256) -> uint256:
    """
    @dev Buys an exact amount of energy. The caller must have approved the pool at the money.
    @param energy The energy to get in µWh.
    @param money_max The most money to give.
    @param to The 20-byte address that gets the energy.
    @param deadline The last second at which it may happen, unix time.
    @return uint256 The money that was taken.
    """
    state: State = self._opened(to, deadline)
    given: uint256 = 0
    cut: uint256 = 0
    given, cut = self._buy(state, energy)
    assert given <= money_max, "pool: more than the maximum"
    self._execute_purchase(state, energy, given, cut, to)
    return given


@external
def buy_with(given: uint256, energy_min: uint256, to: address, deadline: uint256) -> uint256:
    """
    @dev Buys as much energy as an exact amount of money brings.
    @param given The money to give.
    @param energy_min The least energy to accept in µWh.
    @param to The 20-byte address that gets the energy.
    @param deadline The last second at which it may happen, unix time.
    @return uint256 The energy that was handed over in µWh.
    """
    state: State = self._opened(to, deadline)
    energy: uint256 = 0
    cut: uint256 = 0
    energy, cut = self._buy_with(state, given)
    assert energy >= energy_min, "pool: less than the minimum"
    self._execute_purchase(state, energy, given, cut, to)
    return energy


# ------------------------------------------------------------------
#                        LIQUIDITY PROVIDERS
# ------------------------------------------------------------------


@external
def add_liquidity(
    energy_max: uint256, money_max: uint256, shares_min: uint256, to: address, deadline: uint256
) -> (uint256, uint256, uint256):
    """
    @dev Adds both sides in the proportion of the reserves, as much as both maxima allow; what is over is not taken. The
         first to add is taken at its word and leaves 1,000 shares to nobody. At another price than the caller saw the
         same maxima bring fewer shares, so `shares_min` guards against a skewed pool.
    @param energy_max The most energy to give in µWh.
    @param money_max The most money to give.
    @param shares_min The least shares to accept.
    @param to The 20-byte address that gets the shares.
    @param deadline The last second at which it may happen, unix time.
    @return uint256 The new shares.
    @return uint256 The energy that was taken in µWh.
    @return uint256 The money that was taken.
    """
    state: State = self._opened(to, deadline)
    shares: uint256 = 0
    energy: uint256 = 0
    given: uint256 = 0
    shares, energy, given = self._add(state, energy_max, money_max)
    assert shares >= shares_min, "pool: less than the minimum"
    self._fetch_energy(energy)
    self._fetch_money(given)
    if state.energy == 0:
        erc20._mint(_NOBODY, DEAD_SHARES)
    erc20._mint(to, shares)
    state.energy += energy
    state.money += given
    self._store(state)
    log LiquidityAdded(
        account=msg.sender,
        receiver=to,
        shares=shares,
        energy=energy,
        money=given,
        energy_reserve=state.energy,
        money_reserve=state.money,
    )
    return shares, energy, given


@external
def remove_liquidity(
    shares: uint256, energy_min: uint256, money_min: uint256, to: address, deadline: uint256
) -> (uint256, uint256):
    """
    @dev Gives shares back for their part of both reserves. No pause of the pool stops it.
    @param shares The caller's shares to give back.
    @param energy_min The least energy to accept in µWh.
    @param money_min The least money to accept.
    @param to The 20-byte address that gets both sides.
    @param deadline The last second at which it may happen, unix time.
    @return uint256 The energy that was handed over in µWh.
    @return uint256 The money that was paid.
    """
    self._check(to, deadline)
    assert shares != 0, "pool: amount out of bounds"
    assert erc20.balanceOf[msg.sender] >= shares, "pool: amount exceeds balance"
    state: State = self._load()
    energy: uint256 = 0
    paid: uint256 = 0
    energy, paid = self._remove(state, shares)
    assert energy >= energy_min and paid >= money_min, "pool: less than the minimum"
    erc20._burn(msg.sender, shares)
    state.energy -= energy
    state.money -= paid
    self._store(state)
    log LiquidityRemoved(
        account=msg.sender,
        receiver=to,
        shares=shares,
        energy=energy,
        money=paid,
        energy_reserve=state.energy,
        money_reserve=state.money,
    )
    self._pay(to, paid)
    self._hand_over(to, energy)
    return energy, paid


@external
def transfer(to: address, amount: uint256) -> bool:
    """
    @dev Transfers shares.
    @param to The 20-byte address that receives.
    @param amount The number of shares.
    @return bool True; it reverts otherwise.
    """
    assert not staticcall IGuard(guard).any_frozen(msg.sender, to), "pool: account is frozen"
    erc20._transfer(msg.sender, to, amount)
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """
    @dev Transfers shares of an owner who approved the caller.
    @param owner The 20-byte address that gives.
    @param to The 20-byte address that receives.
    @param amount The number of shares.
    @return bool True; it reverts otherwise.
    """
    assert not staticcall IGuard(guard).any_frozen(owner, to), "pool: account is frozen"
    assert not staticcall IGuard(guard).frozen(msg.sender), "pool: account is frozen"
    erc20._spend_allowance(owner, msg.sender, amount)
    erc20._transfer(owner, to, amount)
    return True


# ------------------------------------------------------------------
#                              TREASURY
# ------------------------------------------------------------------


@external
def collect_fees() -> uint256:
    """
    @dev Pays what was counted for the treasury to the beneficiary. Anybody may call it.
    @return uint256 The money that was paid; 0 if nothing was counted.
    """
    amount: uint256 = self.treasury_owed
    if amount != 0:
        self.treasury_owed = 0
        log FeesCollected(beneficiary=self.beneficiary, amount=amount)
        self._pay(self.beneficiary, amount)
    return amount


# ------------------------------------------------------------------
#                               OWNER
# ------------------------------------------------------------------


@external
def set_fees(lp_bps: uint256, treasury_bps: uint256):
    """
    @dev Sets the fees from the next trade on.
    @param lp_bps The fee for the shares in hundredths of a per cent.
    @param treasury_bps The fee for the treasury in hundredths of a per cent, at most as much.
    """
    ownable._check_owner()
    self._set_fees(lp_bps, treasury_bps)


@external
def set_beneficiary(beneficiary_: address):
    """
    @dev Sets who gets the treasury's part of the fees, also of those that were counted already.
    @param beneficiary_ The 20-byte address.
    """
    ownable._check_owner()
    self._set_beneficiary(beneficiary_)


@external
def set_tier(tier: uint8):
    """
    @dev Sets the tier that trading and adding need; 0 for none. Giving shares back needs none.
    @param tier The 1-byte tier.
    """
    ownable._check_owner()
    state: State = self._load()
    log TierChanged(old=convert(state.tier, uint8), new=tier)
    state.tier = convert(tier, uint256)
    self._store(state)


# ------------------------------------------------------------------
#                               GUARD
# ------------------------------------------------------------------


@external
def set_paused(paused_: bool):
    """
    @dev Stops trades and adding, or lets them go on. Giving shares back goes on.
    @param paused_ True to stop.
    """
    assert msg.sender == guard, "pool: access is denied"
    state: State = self._load()
    state.paused = paused_
    self._store(state)
    log PauseChanged(paused=paused_)


# ------------------------------------------------------------------
#                             RECEIVER
# ------------------------------------------------------------------


# @dev Open while the pool fetches energy, and for that energy only.
@external
@reentrant
def onERC1155Received(
    operator: address, owner: address, id: uint256, amount: uint256, data: Bytes[1_024]
) -> bytes4:
    """
    @dev Accepts exactly what this contract is fetching.
    @param operator The 20-byte address that moves the tokens: this contract.
    @param owner The 20-byte address that they come from.
    @param id The 32-byte id.
    @param amount The amount in µWh.
    @param data Bytes without meaning here.
    @return bytes4 The selector of this function.
    """
    assert (
        msg.sender == energy_token and operator == self and id == energy_id and amount != 0 and amount == self._awaited
    ), "pool: not asked for"
    self._awaited = 0
    return method_id("onERC1155Received(address,address,uint256,uint256,bytes)", output_type=bytes4)


@external
@reentrant
def onERC1155BatchReceived(
    operator: address,
    owner: address,
    ids: DynArray[uint256, _BATCH_SIZE],
    amounts: DynArray[uint256, _BATCH_SIZE],
    data: Bytes[1_024],
) -> bytes4:
    """
    @dev Refuses: the pool never fetches several ids.
    @param operator The 20-byte address that moves the tokens.
    @param owner The 20-byte address that they come from.
    @param ids The 32-byte ids.
    @param amounts The amounts.
    @param data Bytes without meaning here.
    @return bytes4 Nothing; it reverts.
    """
    raise "pool: not asked for"


# ------------------------------------------------------------------
#                                VIEW
# ------------------------------------------------------------------


@external
@view
@reentrant
def supportsInterface(interface_id: bytes4) -> bool:
    """
    @dev Tells whether an interface is implemented, as ERC-165 has it.
    @param interface_id The 4-byte identifier.
    @return bool True for ERC-165 and for a receiver of ERC-1155.
    """
    return interface_id in _SUPPORTED


@external
@view
def reserves() -> (uint256, uint256):
    """
    @dev Returns what the shares own together.
    @return uint256 The energy in µWh.
    @return uint256 The money.
    """
    state: State = self._load()
    return state.energy, state.money


@external
@view
def state() -> (uint256, uint256, uint256, uint8, bool):
    """
    @dev Returns what a router needs at once.
    @return uint256 The energy in µWh.
    @return uint256 The money.
    @return uint256 Both fees together in hundredths of a per cent.
    @return uint8 The tier that trading and adding need.
    @return bool True while trades and adding are stopped.
    """
    state: State = self._load()
    return (
        state.energy, state.money, state.lp_bps + state.treasury_bps, convert(state.tier, uint8), state.paused
    )


@external
@view
def tier() -> uint8:
    """
    @dev Returns the tier that trading and adding need.
    @return uint8 The tier; 0 for none.
    """
    return convert(self._load().tier, uint8)


@external
@view
def fees() -> (uint256, uint256):
    """
    @dev Returns the fees.
    @return uint256 The fee for the shares in hundredths of a per cent.
    @return uint256 The fee for the treasury in hundredths of a per cent.
    """
    state: State = self._load()
    return state.lp_bps, state.treasury_bps


@external
@view
def paused() -> bool:
    """
    @dev Tells whether trades and adding are stopped.
    @return bool True while they are.
    """
    return self._load().paused


@external
@view
def quote_sell(energy: uint256) -> uint256:
    """
    @dev Returns what `sell` would pay now.
    @param energy The energy to give in µWh.
    @return uint256 The money to get.
    """
    return self._sell(self._load(), energy)[0]


@external
@view
def quote_sell_for(paid: uint256) -> uint256:
    """
    @dev Returns what `sell_for` would take now.
    @param paid The money to get.
    @return uint256 The energy to give in µWh.
    """
    return self._sell_for(self._load(), paid)[0]


@external
@view
def quote_buy(energy: uint256) -> uint256:
    """
    @dev Returns what `buy` would take now.
    @param energy The energy to get in µWh.
    @return uint256 The money to give.
    """
    return self._buy(self._load(), energy)[0]


@external
@view
def quote_buy_with(given: uint256) -> uint256:
    """
    @dev Returns what `buy_with` would hand over now.
    @param given The money to give.
    @return uint256 The energy to get in µWh.
    """
    return self._buy_with(self._load(), given)[0]


@external
@view
def quote_add(energy_max: uint256, money_max: uint256) -> (uint256, uint256, uint256):
    """
    @dev Returns what `add_liquidity` would do now.
    @param energy_max The most energy to give in µWh.
    @param money_max The most money to give.
    @return uint256 The new shares.
    @return uint256 The energy that would be taken in µWh.
    @return uint256 The money that would be taken.
    """
    return self._add(self._load(), energy_max, money_max)


@external
@view
def quote_remove(shares: uint256) -> (uint256, uint256):
    """
    @dev Returns what `remove_liquidity` would hand over now.
    @param shares The shares to give back.
    @return uint256 The energy in µWh.
    @return uint256 The money.
    """
    assert shares != 0 and shares <= erc20.totalSupply, "pool: amount out of bounds"
    return self._remove(self._load(), shares)


@external
@view
def marginal_price(buying: bool) -> (uint256, uint256):
    """
    @dev Returns the price of the first µWh with the fee, as a fraction: what a buyer gives, or a seller gets. Both
         numbers are below 2^126, so that two such fractions, or one and a limit below 2^130, can be compared crosswise.
    @param buying True for a buyer.
    @return uint256 The numerator: money.
    @return uint256 The denominator: µWh.
    """
    state: State = self._load()
    self._check_liquid(state)
    kept: uint256 = _BPS - state.lp_bps - state.treasury_bps
    if buying:
        return state.money * _BPS, state.energy * kept
    return state.money * kept, state.energy * _BPS


@external
@view
def energy_to_price(buying: bool, numerator: uint256, denominator: uint256) -> uint256:
    """
    @dev Returns the most energy of one trade whose last µWh is no worse than a price: a buyer's costs, with the fee, at
         most that much, and a seller's brings at least that much. A router fills so much here before it goes elsewhere.
         Along a buyer's trade the price is M·E / (E − x)² / (1 − f), along a seller's M·E / (E + x)² · (1 − f).
    @param buying True for a buyer.
    @param numerator The price's numerator: money, 1 to 2^112 − 1.
    @param denominator The price's denominator: µWh, 1 to 2^112 − 1.
    @return uint256 The energy in µWh; 0 if already the first is worse.
    """
    state: State = self._load()
    self._check_liquid(state)
    self._check_amount(numerator)
    self._check_amount(denominator)
    kept: uint256 = _BPS - state.lp_bps - state.treasury_bps
    if buying:
        if state.money * _BPS * denominator >= state.energy * kept * numerator:
            return 0
        # Below E², since the first µWh is better than the price.
        square: uint256 = math._mul_div(state.energy * _BPS * denominator, state.money, kept * numerator, True)
        root: uint256 = isqrt(square)
        if root * root < square:
            root += 1
        return state.energy - root
    # (E + x)² ≤ E · part; cut off where the reserve could not take more.
    part: uint256 = state.money * kept * denominator // (_BPS * numerator)
    if part > _MAX * _MAX // state.energy:
        return _MAX - state.energy
    total: uint256 = isqrt(math._mul_div(state.energy * kept * denominator, state.money, _BPS * numerator, False))
    if total <= state.energy:
        return 0
    return min(total, _MAX) - state.energy


# ------------------------------------------------------------------
#                         INTERNAL: FORMULAS
# ------------------------------------------------------------------


@internal
@pure
def _sell(state: State, energy: uint256) -> (uint256, uint256):
    """
    @dev An exact amount of energy goes in.
    @param state The pool.
    @param energy The energy in µWh.
    @return uint256 The money that goes out.
    @return uint256 The treasury's part of the fee.
    """
    self._check_liquid(state)
    self._check_amount(energy)
    paid: uint256 = 0
    gross: uint256 = 0
    paid, gross = curve._sell(state.energy, state.money, state.lp_bps + state.treasury_bps, energy)
    assert paid != 0, "pool: too small"
    return paid, gross * state.treasury_bps // _BPS


@internal
@pure
def _sell_for(state: State, paid: uint256) -> (uint256, uint256):
    """
    @dev An exact amount of money goes out.
    @param state The pool.
    @param paid The money.
    @return uint256 The energy that goes in, in µWh.
    @return uint256 The treasury's part of the fee.
    """
    self._check_liquid(state)
    self._check_amount(paid)
    energy: uint256 = 0
    gross: uint256 = 0
    energy, gross = curve._sell_for(state.energy, state.money, state.lp_bps + state.treasury_bps, paid)
    assert energy != 0, "pool: more than the reserve"
    return energy, gross * state.treasury_bps // _BPS


@internal
@pure
def _buy(state: State, energy: uint256) -> (uint256, uint256):
    """
    @dev An exact amount of energy goes out.
    @param state The pool.
    @param energy The energy in µWh.
    @return uint256 The money that goes in.
    @return uint256 The treasury's part of the fee.
    """
    self._check_liquid(state)
    self._check_amount(energy)
    given: uint256 = curve._buy(state.energy, state.money, state.lp_bps + state.treasury_bps, energy)
    assert given != 0, "pool: more than the reserve"
    return given, given * state.treasury_bps // _BPS


@internal
@pure
def _buy_with(state: State, given: uint256) -> (uint256, uint256):
    """
    @dev An exact amount of money goes in.
    @param state The pool.
    @param given The money.
    @return uint256 The energy that goes out, in µWh.
    @return uint256 The treasury's part of the fee.
    """
    self._check_liquid(state)
    self._check_amount(given)
    energy: uint256 = curve._buy_with(state.energy, state.money, state.lp_bps + state.treasury_bps, given)
    assert energy != 0, "pool: too small"
    return energy, given * state.treasury_bps // _BPS


@internal
@view
def _add(state: State, energy_max: uint256, money_max: uint256) -> (uint256, uint256, uint256):
    """
    @dev Both sides go in. Shares never outgrow √(E·M), so no product here leaves 256 bits.
    @param state The pool.
    @param energy_max The most energy in µWh.
    @param money_max The most money.
    @return uint256 The new shares.
    @return uint256 The energy in µWh.
    @return uint256 The money.
    """
    self._check_amount(energy_max)
    self._check_amount(money_max)
    if state.energy == 0:
        root: uint256 = isqrt(energy_max * money_max)
        assert root > DEAD_SHARES, "pool: too small"
        return root - DEAD_SHARES, energy_max, money_max
    supply: uint256 = erc20.totalSupply
    shares: uint256 = min(energy_max * supply // state.energy, money_max * supply // state.money)
    assert shares != 0, "pool: too small"
    return (
        shares,
        math._ceil_div(shares * state.energy, supply),
        math._ceil_div(shares * state.money, supply),
    )


@internal
@view
def _remove(state: State, shares: uint256) -> (uint256, uint256):
    """
    @dev Both sides go out.
    @param state The pool.
    @param shares The shares that are given back, at most the supply.
    @return uint256 The energy in µWh.
    @return uint256 The money.
    """
    supply: uint256 = erc20.totalSupply
    return shares * state.energy // supply, shares * state.money // supply


# ------------------------------------------------------------------
#                        INTERNAL: EXECUTION
# ------------------------------------------------------------------


@internal
def _execute_sale(state: State, energy: uint256, paid: uint256, cut: uint256, to: address):
    """
    @dev Takes energy from the caller and pays money.
    @param state The pool before.
    @param energy The energy in µWh.
    @param paid The money.
    @param cut The treasury's part of the fee.
    @param to The 20-byte address that gets the money.
    """
    self._fetch_energy(energy)
    after: State = state
    after.energy += energy
    after.money -= paid + cut
    self._settle(after, True, energy, paid, cut, to)
    self._pay(to, paid)


@internal
def _execute_purchase(state: State, energy: uint256, given: uint256, cut: uint256, to: address):
    """
    @dev Takes money from the caller and hands energy over.
    @param state The pool before.
    @param energy The energy in µWh.
    @param given The money.
    @param cut The treasury's part of the fee.
    @param to The 20-byte address that gets the energy.
    """
    self._fetch_money(given)
    after: State = state
    after.energy -= energy
    after.money += given - cut
    self._settle(after, False, energy, given, cut, to)
    self._hand_over(to, energy)


@internal
def _settle(after: State, sold: bool, energy: uint256, money_: uint256, cut: uint256, to: address):
    """
    @dev Writes what a trade left behind.
    @param after The pool after the trade.
    @param sold True if energy went in.
    @param energy The energy in µWh.
    @param money_ The money that the trader got or gave.
    @param cut The treasury's part of the fee.
    @param to The 20-byte address that gets the other side.
    """
    self._store(after)
    if cut != 0:
        self.treasury_owed += cut
    log Swapped(
        trader=msg.sender,
        receiver=to,
        sold=sold,
        energy=energy,
        money=money_,
        treasury_fee=cut,
        energy_reserve=after.energy,
        money_reserve=after.money,
    )


@internal
def _fetch_energy(amount: uint256):
    """
    @dev Takes energy from the caller; it must go through the receiver's hook, which accepts it once.
    @param amount The energy in µWh, not zero.
    """
    self._awaited = amount
    extcall IEnergyToken(energy_token).safeTransferFrom(msg.sender, self, energy_id, amount, b"")
    assert self._awaited == 0, "pool: energy did not arrive"


@internal
def _fetch_money(amount: uint256):
    """
    @dev Takes money from the caller; a token that keeps a part of it, or only says so, is refused.
    @param amount The money.
    """
    before: uint256 = staticcall IERC20(money).balanceOf(self)
    success: bool = extcall IERC20(money).transferFrom(msg.sender, self, amount, default_return_value=True)
    assert success and staticcall IERC20(money).balanceOf(self) >= before + amount, "pool: money did not arrive"


@internal
def _hand_over(to: address, amount: uint256):
    """
    @dev Sends energy. Everything is written by now: the receiver may call whom it likes.
    @param to The 20-byte address that receives.
    @param amount The energy in µWh.
    """
    extcall IEnergyToken(energy_token).safeTransferFrom(self, to, energy_id, amount, b"")


@internal
def _pay(to: address, amount: uint256):
    """
    @dev Sends money. Everything is written by now.
    @param to The 20-byte address that receives.
    @param amount The money.
    """
    assert extcall IERC20(money).transfer(to, amount, default_return_value=True), "pool: money was not paid"


# ------------------------------------------------------------------
#                         INTERNAL: CHECKS
# ------------------------------------------------------------------


@internal
@view
def _opened(to: address, deadline: uint256) -> State:
    """
    @dev Returns the pool for a trade or an adding, unless it is stopped.
    @param to The 20-byte address that gets something.
    @param deadline The last second at which it may happen, unix time.
    @return State The pool.
    """
    self._check(to, deadline)
    state: State = self._load()
    assert not state.paused, "pool: paused"
    if state.tier != 0:
        assert (
            convert(staticcall Tiers(guard).tier_of(msg.sender), uint256) >= state.tier
            and convert(staticcall Tiers(guard).tier_of(to), uint256) >= state.tier
        ), "pool: tier is too low"
    return state


@internal
@view
def _check(to: address, deadline: uint256):
    """
    @dev Refuses what comes too late, frozen accounts, and a receiver that could never use what it gets.
    @param to The 20-byte address that gets something.
    @param deadline The last second at which it may happen, unix time.
    """
    assert block.timestamp <= deadline, "pool: too late"
    assert to != self and to != empty(address), "pool: no such receiver"
    assert not staticcall IGuard(guard).any_frozen(msg.sender, to), "pool: account is frozen"


@internal
@pure
def _check_liquid(state: State):
    """
    @dev Refuses an empty pool. Once somebody added to it, neither side is ever zero again.
    @param state The pool.
    """
    assert state.energy != 0, "pool: no liquidity"


@internal
@pure
def _check_amount(amount: uint256):
    """
    @dev Refuses nothing, and what no reserve could hold.
    @param amount The amount.
    """
    assert amount != 0 and amount <= _MAX, "pool: amount out of bounds"


@internal
def _set_fees(lp_bps: uint256, treasury_bps: uint256):
    """
    @dev Checks and writes the fees.
    @param lp_bps The fee for the shares in hundredths of a per cent.
    @param treasury_bps The fee for the treasury in hundredths of a per cent.
    """
    assert (
        treasury_bps <= lp_bps and lp_bps <= FEE_MAX and lp_bps + treasury_bps <= FEE_MAX
    ), "pool: fees out of bounds"
    state: State = self._load()
    log FeesChanged(
        old_lp_bps=state.lp_bps, old_treasury_bps=state.treasury_bps, lp_bps=lp_bps, treasury_bps=treasury_bps
    )
    state.lp_bps = lp_bps
    state.treasury_bps = treasury_bps
    self._store(state)


@internal
def _set_beneficiary(beneficiary_: address):
    """
    @dev Checks and writes the beneficiary.
    @param beneficiary_ The 20-byte address.
    """
    assert beneficiary_ != empty(address) and beneficiary_ != self, "pool: no such receiver"
    log BeneficiaryChanged(old=self.beneficiary, new=beneficiary_)
    self.beneficiary = beneficiary_


# ------------------------------------------------------------------
#                          INTERNAL: STATE
# ------------------------------------------------------------------


@internal
@view
def _load() -> State:
    """
    @dev Unpacks the state.
    @return State The pool.
    """
    word: uint256 = self._state
    return State(
        energy=word & _MAX,
        money=(word >> 112) & _MAX,
        lp_bps=(word >> 224) & _U8,
        treasury_bps=(word >> 232) & _U8,
        paused=(word >> 240) & 1 == 1,
        tier=word >> 248,
    )


@internal
def _store(state: State):
    """
    @dev Packs and writes the state.
    @param state The pool.
    """
    assert state.energy <= _MAX and state.money <= _MAX, "pool: reserve out of bounds"
    self._state = (
        state.energy
        | (state.money << 112)
        | (state.lp_bps << 224)
        | (state.treasury_bps << 232)
        | (convert(state.paused, uint256) << 240)
        | (state.tier << 248)
    )
