# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title GCM
@custom:contract-name GCM
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice The index: an ERC-20 with permit and nine decimals over a basket of utility class tokens. Class tokens are deposited
        at the weights that the DAO has set, in millionths of a GCM per whole token (one GCM a token to start), and every
        deposit stores the weight it used. Whoever redeems gets the same share of every utility in the basket. A deposit
        is a plain ERC-1155 transfer to this address, so a wallet needs one transaction and no approval; a holder may
        leave a standing order, and then anybody may deposit what a station newly minted for it. The basket's worth is
        what it weighs at the present weights. While it is above the supply (a weight was raised, or redemptions left
        remainders), a deposit gets no more than its share of that worth, so nobody can buy in cheaply and leave at once.
@custom:security A redemption takes floor(held × amount / supply) of each utility, so what is left covers the others at every
                 instant, and worth per GCM never falls by a deposit or a redemption: only by the DAO's lowering a
                 weight. The basket is counted from deposits and never from balances. The first deposit leaves 0.001 GCM
                 here for good, so that the price of a unit can't be driven up while nearly nothing exists. Weights are
                 prices: who knows that one will rise can deposit before it and leave after it; caps per utility bound
                 that, and keep the basket from filling up with the utility that is overrated. A weight of 0 closes a
                 utility and values it at nothing; a cap of 0 only closes it. The owner is meant to be a timelock; it
                 can neither mint nor take anything.
@custom:kill `Guard.pause(gcm)` stops transfers, deposits and redemptions. `Guard.pause(token)` stops deposits and
             redemptions, and GCM still moves. A frozen account neither gives, receives, deposits nor redeems.
"""


# ------------------------------------------------------------------
#                             INTERFACES
# ------------------------------------------------------------------


from ethereum.ercs import IERC165
from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed
from snekmate.tokens.interfaces import IERC1155
from snekmate.tokens.interfaces import IERC20Permit
from contracts.interfaces import IEnergyToken
from contracts.interfaces import IGuard
from contracts.interfaces import IPausable
from contracts.interfaces import IRegistry
from contracts.interfaces import ITreasury

implements: IERC165
implements: IERC20
implements: IERC20Detailed
implements: IERC20Permit
implements: IPausable


# @dev What a standing order asks the Treasury.
interface Settlements:
    def settled(utility: uint8, station: uint128, tenure: uint32) -> ITreasury.Settled: view
    def reserve_bps() -> uint256: view


# ------------------------------------------------------------------
#                              MODULES
# ------------------------------------------------------------------


from snekmate.auth import ownable
from snekmate.auth import ownable_2step
from snekmate.tokens import erc20

initializes: ownable
initializes: ownable_2step[ownable := ownable]
initializes: erc20[ownable := ownable]

# `renounce_ownership` is left out: without an owner no utility could ever be closed. snekmate's transfers, mints, burns and
# minters are left out: what moves GCM asks the Guard first, and only a deposit mints.
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


# @dev Class tokens entered the basket. `weight` is in millionths of a GCM per whole token.
event Deposited:
    number: indexed(uint64)
    depositor: indexed(address)
    utility: indexed(uint8)
    amount: uint256
    weight: uint256
    minted: uint256


# @dev GCM left for its share of the basket; the utility code is the place in `paid`.
event Redeemed:
    owner: indexed(address)
    receiver: indexed(address)
    amount: uint256
    paid: uint256[10]


# @dev A utility's weight or the most that the basket takes of it changed.
event WeightChanged:
    utility: indexed(uint8)
    old_weight: uint32
    new_weight: uint32
    old_cap: uint96
    new_cap: uint96


# @dev A holder left a standing order from this register on, or took it back.
event StandingChanged:
    owner: indexed(address)
    utility: indexed(uint8)
    station: indexed(uint128)
    tenure: uint32
    from_register: uint96
    active: bool


# @dev A standing order was carried out, which made a deposit like any other; it goes on from `to_register`.
event StandingDeposited:
    owner: indexed(address)
    utility: indexed(uint8)
    station: indexed(uint128)
    tenure: uint32
    from_register: uint96
    to_register: uint96
    amount: uint256
    minted: uint256


# @dev The Guard stopped this contract or lets it go on.
event PauseChanged:
    paused: bool


# ------------------------------------------------------------------
#                              STRUCTS
# ------------------------------------------------------------------


# @dev One deposit: what came, at which weight, and what it made.
struct Deposit:
    utility: uint8
    weight: uint32
    amount: uint96
    minted: uint112


# ------------------------------------------------------------------
#                             CONSTANTS
# ------------------------------------------------------------------


# @dev Utility codes, which are class ids, run from 1 (E) to 9 (DEV).
UTILITY_MAX: constant(uint256) = 9


# @dev A weight of one GCM per whole token.
WEIGHT_ONE: constant(uint256) = 1_000_000


# @dev The largest weight: 1,000 GCM a token.
WEIGHT_MAX: constant(uint32) = 1_000_000_000


# @dev What the first deposit leaves here for good, in units of 10^-9 GCM.
LOCKED_FOR_GOOD: constant(uint256) = 1_000_000


# @dev The whole of the reserve's share.
_BPS: constant(uint256) = 10_000


# @dev Fields of packed words.
_U8: constant(uint256) = (1 << 8) - 1
_U32: constant(uint256) = (1 << 32) - 1
_U96: constant(uint256) = (1 << 96) - 1
_U112: constant(uint256) = (1 << 112) - 1
_U168: constant(uint256) = (1 << 168) - 1
_PAUSED: constant(uint256) = 1 << 232


# @dev The utility tokens.
token: public(immutable(address))


# @dev Their only minter.
treasury: public(immutable(address))


# @dev Who owns which station.
registry: public(immutable(address))


# @dev The brake.
guard: public(immutable(address))


# ------------------------------------------------------------------
#                              STORAGE
# ------------------------------------------------------------------


# @dev What the basket weighs, Σ held × weight, in 10^-15 GCM (168 bits) | number of deposits << 168 (64)
# | paused << 232 (1).
_book: uint256


# @dev utility → held in the basket (96 bits) | weight << 96 (32) | the most that the basket takes << 128 (96).
_held: uint256[UTILITY_MAX + 1]


# @dev number of a deposit, from 1 → amount (96 bits) | minted << 96 (112) | weight << 208 (32) | utility << 240 (8).
_deposits: HashMap[uint256, uint256]


# @dev utility << 160 | tenure << 128 | station → register up to which nothing is to be deposited (96 bits)
# | who left the order << 96 (160).
_standing: HashMap[uint256, uint256]


# ------------------------------------------------------------------
#                            CONSTRUCTOR
# ------------------------------------------------------------------


@deploy
def __init__(token_: address, registry_: address, guard_: address):
    """
    @dev The deployer is the first owner. Every utility weighs one GCM a token, without a cap.
    @param token_ The 20-byte address of the EnergyToken.
    @param registry_ The 20-byte address of the Registry.
    @param guard_ The 20-byte address of the Guard.
    """
    ownable.__init__()
    ownable_2step.__init__()
    erc20.__init__("GreenCore Index", "GCM", 9, "GreenCore Index", "1")
    token = token_
    treasury = staticcall IEnergyToken(token_).treasury()
    registry = registry_
    guard = guard_
    for utility: uint256 in range(1, UTILITY_MAX + 1):
        self._held[utility] = (WEIGHT_ONE << 96) | (_U96 << 128)
        log WeightChanged(
            utility=convert(utility, uint8),
            old_weight=0,
            new_weight=convert(WEIGHT_ONE, uint32),
            old_cap=0,
            new_cap=max_value(uint96),
        )


# ------------------------------------------------------------------
#                              HOLDERS
# ------------------------------------------------------------------


# @dev Transfers have no lock: they call nobody but the Guard.
@external
@reentrant
def transfer(to: address, amount: uint256) -> bool:
    """
    @dev Moves GCM of the caller.
    @param to The 20-byte address that receives.
    @param amount The amount in 10^-9 GCM.
    @return bool True; anything else reverts.
    """
    self._check_may_move(msg.sender, to)
    erc20._transfer(msg.sender, to, amount)
    return True


@external
@reentrant
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """
    @dev Moves GCM of an owner who approved the caller.
    @param owner The 20-byte address that gives.
    @param to The 20-byte address that receives.
    @param amount The amount in 10^-9 GCM.
    @return bool True; anything else reverts.
    """
    self._check_may_move(owner, to)
    assert not staticcall IGuard(guard).frozen(msg.sender), "gcm: account is frozen"
    erc20._spend_allowance(owner, msg.sender, amount)
    erc20._transfer(owner, to, amount)
    return True


# @dev Open while the token calls back, which is where the deposit happens.
@external
@reentrant
def deposit(utility: uint256, amount: uint256, least: uint256) -> uint256:
    """
    @dev Deposits class tokens of the caller, who has approved this contract at the EnergyToken. Without an approval:
         transfer the tokens here, with `least` as the 32 bytes of data or with no data.
    @param utility The class id: the utility code, 1 to 9.
    @param amount The amount in units of 10^-9 token.
    @param least The least GCM that is accepted, in 10^-9 GCM.
    @return uint256 The GCM that was minted to the caller, in 10^-9 GCM.
    """
    before: uint256 = erc20.balanceOf[msg.sender]
    extcall IERC1155(token).safeTransferFrom(msg.sender, self, utility, amount, abi_encode(least))
    return erc20.balanceOf[msg.sender] - before


@external
@reentrant
def onERC1155Received(operator: address, owner: address, id: uint256, amount: uint256, data: Bytes[1_024]) -> bytes4:
    """
    @dev Class tokens have come: mints GCM to whom they came from.
    @param operator The 20-byte address that moved them.
    @param owner The 20-byte address that they came from.
    @param id The class id.
    @param amount The amount in units of 10^-9 token.
    @param data Empty, or the least GCM that is accepted as 32 bytes.
    @return bytes4 The answer of a receiver that accepts.
    """
    self._check_least(self._deposit(owner, id, amount), data)
    return method_id("onERC1155Received(address,address,uint256,uint256,bytes)", output_type=bytes4)


@external
@reentrant
def onERC1155BatchReceived(
    operator: address,
    owner: address,
    ids: DynArray[uint256, 128],
    amounts: DynArray[uint256, 128],
    data: Bytes[1_024],
) -> bytes4:
    """
    @dev Class tokens of several utilities have come: mints GCM to whom they came from, one deposit for each.
    @param operator The 20-byte address that moved them.
    @param owner The 20-byte address that they came from.
    @param ids The class ids.
    @param amounts The amounts in units of 10^-9 token, in the order of the ids.
    @param data Empty, or the least GCM that is accepted for all together as 32 bytes.
    @return bytes4 The answer of a receiver that accepts.
    """
    minted: uint256 = 0
    for i: uint256 in range(len(ids), bound=128):
        minted += self._deposit(owner, ids[i], amounts[i])
    self._check_least(minted, data)
    return method_id("onERC1155BatchReceived(address,address,uint256[],uint256[],bytes)", output_type=bytes4)


@external
def redeem(amount: uint256, receiver: address, least: uint256[10]) -> uint256[10]:
    """
    @dev Burns GCM of the caller for its share of every utility in the basket, each rounded down.
    @param amount The amount in 10^-9 GCM.
    @param receiver The 20-byte address that gets the class tokens; a contract must accept a batch through its hook.
    @param least The least of each utility that is accepted, the utility code is the place; 0 for no limit.
    @return uint256[10] What was paid of each utility in units of 10^-9 token, the utility code is the place.
    """
    self._check_may_move(msg.sender, receiver)
    paid: uint256[10] = self._shares(amount)
    ids: DynArray[uint256, 128] = []
    amounts: DynArray[uint256, 128] = []
    weighed: uint256 = 0
    for utility: uint256 in range(1, UTILITY_MAX + 1):
        assert paid[utility] >= least[utility], "gcm: less than accepted"
        if paid[utility] != 0:
            word: uint256 = self._held[utility]
            # No borrow from the next field: a share is at most what is held.
            self._held[utility] = unsafe_sub(word, paid[utility])
            weighed += paid[utility] * ((word >> 96) & _U32)
            ids.append(utility)
            amounts.append(paid[utility])
    assert len(ids) != 0, "gcm: too little to redeem"
    # No borrow: the basket weighs at least what leaves it.
    self._book -= weighed
    erc20._burn(msg.sender, amount)
    log Redeemed(owner=msg.sender, receiver=receiver, amount=amount, paid=paid)
    extcall IERC1155(token).safeBatchTransferFrom(self, receiver, ids, amounts, b"")
    return paid


@external
def set_standing(utility: uint8, station: uint128, tenure: uint32, active: bool):
    """
    @dev Leaves a standing order: from now on anybody may deposit what the caller's tenure mints. The caller has to approve
         this contract at the EnergyToken too. Repeating it begins anew from the present register.
    @param utility The 1-byte utility code.
    @param station The 16-byte station number.
    @param tenure The 4-byte tenure number.
    @param active False to take the order back.
    """
    key: uint256 = self._key(utility, station, tenure)
    register: uint96 = 0
    if active:
        held: IRegistry.Tenure = staticcall IRegistry(registry).tenure_of(station, tenure)
        assert held.owner == msg.sender, "gcm: not the owner of the tenure"
        register = (staticcall Settlements(treasury).settled(utility, station, tenure)).register
        self._standing[key] = (convert(msg.sender, uint256) << 96) | convert(register, uint256)
    else:
        assert self._standing[key] >> 96 == convert(msg.sender, uint256), "gcm: no standing order of the caller"
        self._standing[key] = 0
    log StandingChanged(
        owner=msg.sender, utility=utility, station=station, tenure=tenure, from_register=register, active=active
    )


# ------------------------------------------------------------------
#                           PERMISSIONLESS
# ------------------------------------------------------------------


# @dev Open while the token calls back, which is where the deposit happens.
@external
@reentrant
def deposit_minted(utility: uint8, station: uint128, tenure: uint32) -> uint256:
    """
    @dev Carries out a standing order: deposits as much as the tenure minted since the last time, less the reserve, and
         no more than its owner holds. What was sold meanwhile is forgotten; batch tokens count as minted.
    @param utility The 1-byte utility code.
    @param station The 16-byte station number.
    @param tenure The 4-byte tenure number.
    @return uint256 The GCM that was minted to the owner, in 10^-9 GCM.
    """
    key: uint256 = self._key(utility, station, tenure)
    word: uint256 = self._standing[key]
    assert word != 0, "gcm: no standing order"
    owner: address = convert(word >> 96, address)
    start: uint256 = word & _U96
    settled: ITreasury.Settled = staticcall Settlements(treasury).settled(utility, station, tenure)
    end: uint256 = convert(settled.register, uint256)
    share: uint256 = staticcall Settlements(treasury).reserve_bps()
    # As the Treasury counts its reserve: a difference of rounded-down registers.
    amount: uint256 = (end - start) - (end * share // _BPS - start * share // _BPS)
    id: uint256 = convert(utility, uint256)
    amount = min(amount, staticcall IERC1155(token).balanceOf(owner, id))
    assert amount != 0, "gcm: nothing newly minted"
    self._standing[key] = ((word >> 96) << 96) | end
    before: uint256 = erc20.balanceOf[owner]
    extcall IERC1155(token).safeTransferFrom(owner, self, id, amount, b"")
    minted: uint256 = erc20.balanceOf[owner] - before
    log StandingDeposited(
        owner=owner,
        utility=utility,
        station=station,
        tenure=tenure,
        from_register=convert(start, uint96),
        to_register=settled.register,
        amount=amount,
        minted=minted,
    )
    return minted


# ------------------------------------------------------------------
#                               OWNER
# ------------------------------------------------------------------


@external
def set_weight(utility: uint8, weight: uint32, cap: uint96):
    """
    @dev Sets what a whole token of a utility is worth from now on, and the most of it that the basket takes.
    @param utility The 1-byte utility code, 1 to 9.
    @param weight The weight in millionths of a GCM, at most 1,000 GCM; 0 takes no deposits and values it at nothing.
    @param cap The most that the basket takes, in units of 10^-9 token; 0 takes no deposits.
    """
    ownable._check_owner()
    assert utility != 0 and convert(utility, uint256) <= UTILITY_MAX, "gcm: unknown utility"
    assert weight <= WEIGHT_MAX, "gcm: weight out of bounds"
    word: uint256 = self._held[utility]
    held: uint256 = word & _U96
    old: uint256 = (word >> 96) & _U32
    self._held[utility] = held | (convert(weight, uint256) << 96) | (convert(cap, uint256) << 128)
    # No carry into the next field: nine utilities of 96 bits at weights of 30 bits.
    self._book = self._book - held * old + held * convert(weight, uint256)
    log WeightChanged(
        utility=utility,
        old_weight=convert(old, uint32),
        new_weight=weight,
        old_cap=convert(word >> 128, uint96),
        new_cap=cap,
    )


# ------------------------------------------------------------------
#                               GUARD
# ------------------------------------------------------------------


@external
def set_paused(paused_: bool):
    """
    @dev Stops transfers, deposits and redemptions, or lets them go on.
    @param paused_ True to stop.
    """
    assert msg.sender == guard, "gcm: access is denied"
    self._book = (self._book & ~_PAUSED) | (convert(paused_, uint256) << 232)
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
    return self._book & _PAUSED != 0


@external
@view
def worth() -> uint256:
    """
    @dev Returns what the basket weighs at the present weights. The index is covered in full at these weights while this is
         at least `totalSupply() × 1_000_000`; each holder's share of the basket is there at any weights.
    @return uint256 The worth in 10^-15 GCM.
    """
    return self._book & _U168


@external
@view
def basket() -> uint256[10]:
    """
    @dev Returns what is in the basket.
    @return uint256[10] The amounts in units of 10^-9 token; the utility code is the place.
    """
    held: uint256[10] = empty(uint256[10])
    for utility: uint256 in range(1, UTILITY_MAX + 1):
        held[utility] = self._held[utility] & _U96
    return held


@external
@view
def weight_of(utility: uint8) -> (uint32, uint96):
    """
    @dev Returns what a utility weighs.
    @param utility The 1-byte utility code, 1 to 9.
    @return uint32 The weight in millionths of a GCM per whole token.
    @return uint96 The most that the basket takes, in units of 10^-9 token.
    """
    word: uint256 = self._held[utility]
    return convert((word >> 96) & _U32, uint32), convert(word >> 128, uint96)


@external
@view
def deposits() -> uint256:
    """
    @dev Returns how many deposits there were; they are numbered from 1.
    @return uint256 The number.
    """
    return (self._book & ~_PAUSED) >> 168


@external
@view
def deposit_of(number: uint256) -> Deposit:
    """
    @dev Returns a deposit; all zero when there is no such deposit. Whose it was says the log.
    @param number The number of the deposit, from 1.
    @return Deposit The utility, the weight it used, the amount and the GCM it made.
    """
    word: uint256 = self._deposits[number]
    return Deposit(
        utility=convert(word >> 240, uint8),
        weight=convert((word >> 208) & _U32, uint32),
        amount=convert(word & _U96, uint96),
        minted=convert((word >> 96) & _U112, uint112),
    )


@external
@view
def preview_deposit(utility: uint8, amount: uint256) -> uint256:
    """
    @dev Returns what a deposit would get now; of the first deposit ever, `LOCKED_FOR_GOOD` less is credited.
    @param utility The 1-byte utility code, 1 to 9.
    @param amount The amount in units of 10^-9 token.
    @return uint256 The GCM in 10^-9 GCM, rounded down.
    """
    return self._minted_for(amount * ((self._held[utility] >> 96) & _U32), self._book & _U168)


@external
@view
def preview_redeem(amount: uint256) -> uint256[10]:
    """
    @dev Returns what a redemption would pay now.
    @param amount The amount in 10^-9 GCM.
    @return uint256[10] The amounts in units of 10^-9 token; the utility code is the place.
    """
    return self._shares(amount)


@external
@view
def standing_order(utility: uint8, station: uint128, tenure: uint32) -> (address, uint96):
    """
    @dev Returns a standing order.
    @param utility The 1-byte utility code.
    @param station The 16-byte station number.
    @param tenure The 4-byte tenure number.
    @return address Who left it; zero for none.
    @return uint96 The register up to which nothing is to be deposited, in units of 10^-9 token.
    """
    word: uint256 = self._standing[self._key(utility, station, tenure)]
    return convert(word >> 96, address), convert(word & _U96, uint96)


@external
@view
def supportsInterface(interfaceId: bytes4) -> bool:
    """
    @dev Tells whether an interface is supported: ERC-165 and ERC-1155's receiver.
    @param interfaceId The 4-byte interface id.
    @return bool True if it is.
    """
    return interfaceId == 0x01ffc9a7 or interfaceId == 0x4e2312e0


# ------------------------------------------------------------------
#                              INTERNAL
# ------------------------------------------------------------------


@internal
@view
def _check_may_move(owner: address, to: address):
    """
    @dev Refuses a stop, frozen accounts, and this contract as receiver.
    @param owner The 20-byte address that gives.
    @param to The 20-byte address that receives.
    """
    assert self._book & _PAUSED == 0, "gcm: paused"
    assert to != self, "gcm: the receiver is the index"
    assert not staticcall IGuard(guard).any_frozen(owner, to), "gcm: account is frozen"


@internal
@pure
def _check_least(minted: uint256, data: Bytes[1_024]):
    """
    @dev Refuses a deposit that makes less than its owner accepts.
    @param minted The GCM in 10^-9 GCM.
    @param data Empty, or the least as 32 bytes.
    """
    if len(data) != 0:
        assert len(data) == 32, "gcm: data is not one number"
        assert minted >= convert(slice(data, 0, 32), uint256), "gcm: less than accepted"


@internal
@pure
def _key(utility: uint8, station: uint128, tenure: uint32) -> uint256:
    """
    @dev Packs what names a register into one map key, as the Treasury does.
    @param utility The 1-byte utility code.
    @param station The 16-byte station number.
    @param tenure The 4-byte tenure number.
    @return uint256 The key.
    """
    return (convert(utility, uint256) << 160) | (convert(tenure, uint256) << 128) | convert(station, uint256)


@internal
@view
def _minted_for(gain: uint256, weighed: uint256) -> uint256:
    """
    @dev Returns the GCM for what a deposit weighs: at par, or its share of a basket that is worth more than the supply.
    @param gain What the deposit weighs, in 10^-15 GCM.
    @param weighed What the basket weighs before it, in 10^-15 GCM.
    @return uint256 The GCM in 10^-9 GCM, rounded down.
    """
    supply: uint256 = erc20.totalSupply
    if weighed > supply * WEIGHT_ONE:
        return gain * supply // weighed
    return gain // WEIGHT_ONE


@internal
@view
def _shares(amount: uint256) -> uint256[10]:
    """
    @dev Returns the share of the basket that belongs to an amount, each utility rounded down.
    @param amount The amount in 10^-9 GCM, at most the supply.
    @return uint256[10] The amounts in units of 10^-9 token; the utility code is the place.
    """
    supply: uint256 = erc20.totalSupply
    assert amount <= supply, "gcm: amount exceeds supply"
    shares: uint256[10] = empty(uint256[10])
    if amount != 0:
        for utility: uint256 in range(1, UTILITY_MAX + 1):
            shares[utility] = (self._held[utility] & _U96) * amount // supply
    return shares


@internal
def _deposit(owner: address, id: uint256, amount: uint256) -> uint256:
    """
    @dev Books class tokens that have come, and mints GCM for them.
    @param owner The 20-byte address that they came from.
    @param id The class id.
    @param amount The amount in units of 10^-9 token.
    @return uint256 The GCM that the owner was credited, in 10^-9 GCM.
    """
    assert msg.sender == token, "gcm: only utility tokens"
    assert owner != empty(address), "gcm: minting into the basket"
    assert id != 0 and id <= UTILITY_MAX, "gcm: not a class token"
    book: uint256 = self._book
    assert book & _PAUSED == 0, "gcm: paused"
    word: uint256 = self._held[id]
    weight: uint256 = (word >> 96) & _U32
    assert weight != 0, "gcm: utility is closed"
    assert (word & _U96) + amount <= word >> 128, "gcm: more than the basket takes"

    gain: uint256 = amount * weight
    minted: uint256 = self._minted_for(gain, book & _U168)
    credited: uint256 = minted
    if erc20.totalSupply == 0:
        assert minted > LOCKED_FOR_GOOD, "gcm: first deposit too small"
        credited = minted - LOCKED_FOR_GOOD
        erc20._mint(self, LOCKED_FOR_GOOD)
    assert credited != 0, "gcm: deposit too small"
    self._held[id] = unsafe_add(word, amount)
    book = unsafe_add(unsafe_add(book, gain), 1 << 168)
    self._book = book
    number: uint256 = book >> 168
    self._deposits[number] = amount | (minted << 96) | (weight << 208) | (id << 240)
    erc20._mint(owner, credited)
    log Deposited(
        number=convert(number, uint64),
        depositor=owner,
        utility=convert(id, uint8),
        amount=amount,
        weight=weight,
        minted=minted,
    )
    return credited
