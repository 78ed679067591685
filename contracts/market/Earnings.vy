# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Earnings
@custom:contract-name Earnings
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice What lockers of GCM and providers of liquidity earn. A group is everybody who has locked one token in one
        VotingLock: GCM, or the shares of a pool. Time is cut into periods; whoever brings a distribution gives it to
        those who were in the group during the last period that is over, each by what it had locked times the seconds
        for which it was. So whoever comes late gets nothing of what came before, whoever leaves keeps what it earned,
        and tokens that were borrowed for a transaction weigh nothing. Nothing is converted: each asset is paid out as
        it came, an ERC-20 or one id of an ERC-1155. Anybody may claim for anybody, into the owner's own wallet. All
        distributions of a period to one group and asset make one pot, so a claim costs by pots and not by holders, and
        the logs are the history.
@custom:security An account's share of a pot is floor(pot × weight / weight of all) with weights that nobody can change any
                 more; the weights of all accounts add up to that of all, so a pot never pays more than it holds. What
                 is owed is kept for each group and asset, so that a lock that lied could take from its own group only.
                 What rounding leaves, less than one unit for each account and pot, stays. The owner (meant to be a
                 timelock) lists groups and assets and can take nothing.
@custom:kill `Guard.pause(earnings)` stops distributions and claims. A frozen account claims nothing until it is not.
"""


# ------------------------------------------------------------------
#                             INTERFACES
# ------------------------------------------------------------------


from ethereum.ercs import IERC165
from ethereum.ercs import IERC20
from snekmate.tokens.interfaces import IERC1155
from contracts.interfaces import IEarnings
from contracts.interfaces import IGuard
from contracts.interfaces import IPausable
from contracts.interfaces import IVotingLock

implements: IERC165
implements: IEarnings
implements: IPausable


# ------------------------------------------------------------------
#                              MODULES
# ------------------------------------------------------------------


from snekmate.auth import ownable
from snekmate.auth import ownable_2step

initializes: ownable
initializes: ownable_2step[ownable := ownable]

# `renounce_ownership` is left out: somebody must be able to list the pools to come.
exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
)


# ------------------------------------------------------------------
#                               EVENTS
# ------------------------------------------------------------------


# @dev Whoever has locked in a lock can earn from now on.
event GroupAdded:
    group: indexed(uint256)
    lock: indexed(address)
    token: indexed(address)


# @dev Something that can be earned was listed.
event AssetAdded:
    number: indexed(uint256)
    token: indexed(address)
    erc1155: bool
    id: uint256


# @dev Something was given to a group. `period` is the one whose weights share it, `pot` its place from 0.
event Distributed:
    group: indexed(uint256)
    number: indexed(uint256)
    giver: indexed(address)
    period: uint256
    pot: uint256
    amount: uint256
    weight: uint256


# @dev An account was paid what it had earned of an asset in a group, up to the pot before `until` and `part` of the next.
event Claimed:
    account: indexed(address)
    group: indexed(uint256)
    number: indexed(uint256)
    receiver: address
    amount: uint256
    until: uint256
    part: uint256


# @dev The Guard stopped distributions and claims or lets them go on.
event PauseChanged:
    paused: bool


# ------------------------------------------------------------------
#                             CONSTANTS
# ------------------------------------------------------------------


# @dev The most groups, the most assets, the most assets of one claim, and the most pots of each that one claim looks at.
GROUPS_MAX: constant(uint256) = 256
ASSETS_MAX: constant(uint256) = 256
CLAIM_MAX: constant(uint256) = 16
POTS_MAX: constant(uint256) = 64


# @dev Bounds of a period in seconds.
PERIOD_MIN: constant(uint256) = 3_600
PERIOD_MAX: constant(uint256) = 28 * 86_400


# @dev Fields of packed words.
_U96: constant(uint256) = (1 << 96) - 1
_U128: constant(uint256) = (1 << 128) - 1


# @dev What an accepting receiver answers.
_HOOK_ACCEPTS: constant(bytes4) = method_id(
    "onERC1155Received(address,address,uint256,uint256,bytes)", output_type=bytes4
)


# @dev The seconds of a period; they are counted from the beginning of 1970.
period: public(immutable(uint256))


# @dev The brake.
guard: public(immutable(address))


# ------------------------------------------------------------------
#                              STORAGE
# ------------------------------------------------------------------


# @dev True while distributions and claims are stopped.
paused: public(bool)


# @dev How many groups and assets there are. Groups are numbered from 0, assets from 1.
groups: public(uint256)
assets: public(uint256)


# @dev group → its lock.
lock_of: public(HashMap[uint256, address])


# @dev number → asset.
_assets: HashMap[uint256, IEarnings.Asset]


# @dev hash of an asset → its number.
_numbers: HashMap[bytes32, uint256]


# @dev group << 16 | number of an asset → owed and not claimed (128 bits) | number of pots << 128 (64).
_books: HashMap[uint256, uint256]


# @dev group << 16 | number of an asset → pot from 0 → amount (96 bits) | weight of all << 96 (128) | period << 224 (32).
_pots: HashMap[uint256, HashMap[uint256, uint256]]


# @dev group << 16 | number of an asset → account → paid of the pot at the cursor (96 bits) | cursor << 96.
_cursors: HashMap[uint256, HashMap[address, uint256]]


# @dev The ERC-1155 of which a distribution is awaited.
_expected: address


# ------------------------------------------------------------------
#                            CONSTRUCTOR
# ------------------------------------------------------------------


@deploy
def __init__(guard_: address, period_: uint256):
    """
    @dev The deployer is the first owner.
    @param guard_ The 20-byte address of the Guard.
    @param period_ The seconds of a period, an hour to 28 days.
    """
    ownable.__init__()
    ownable_2step.__init__()
    assert period_ >= PERIOD_MIN and period_ <= PERIOD_MAX, "earnings: period out of bounds"
    guard = guard_
    period = period_


# ------------------------------------------------------------------
#                               OWNER
# ------------------------------------------------------------------


@external
def add_group(lock: address) -> uint256:
    """
    @dev Lists a lock: whoever has locked there can earn.
    @param lock The 20-byte address of a VotingLock.
    @return uint256 The number of the group, from 0.
    """
    ownable._check_owner()
    group: uint256 = self.groups
    assert group < GROUPS_MAX, "earnings: too many groups"
    assert lock.is_contract, "earnings: lock has no code"
    self.groups = group + 1
    self.lock_of[group] = lock
    log GroupAdded(group=group, lock=lock, token=staticcall IVotingLock(lock).token())
    return group


@external
def add_asset(asset_: IEarnings.Asset) -> uint256:
    """
    @dev Lists something that can be earned.
    @param asset_ The token; an ERC-20 has no id.
    @return uint256 The number of the asset, from 1.
    """
    ownable._check_owner()
    number: uint256 = self.assets + 1
    assert number <= ASSETS_MAX, "earnings: too many assets"
    assert asset_.token.is_contract, "earnings: token has no code"
    assert asset_.erc1155 or asset_.id == 0, "earnings: an ERC-20 has no ids"
    key: bytes32 = keccak256(abi_encode(asset_))
    assert self._numbers[key] == 0, "earnings: asset is listed"
    self.assets = number
    self._assets[number] = asset_
    self._numbers[key] = number
    log AssetAdded(number=number, token=asset_.token, erc1155=asset_.erc1155, id=asset_.id)
    return number


# ------------------------------------------------------------------
#                           PERMISSIONLESS
# ------------------------------------------------------------------


@external
def distribute(group: uint256, number: uint256, amount: uint256):
    """
    @dev Gives what the caller allowed to those who were in a group during the last period that is over. Anybody may.
    @param group The number of the group.
    @param number The number of the asset.
    @param amount The amount in the token's smallest unit; all distributions of a period together are below 2^96.
    """
    assert not self.paused, "earnings: paused"
    assert amount != 0, "earnings: nothing to distribute"
    asset: IEarnings.Asset = self._listed(number)
    assert group < self.groups, "earnings: no such group"
    earned_in: uint256 = block.timestamp // period - 1
    key: uint256 = (group << 16) | number
    book: uint256 = self._books[key]
    count: uint256 = book >> 128
    pot: uint256 = 0
    if count != 0:
        pot = self._pots[key][unsafe_sub(count, 1)]
    if count == 0 or pot >> 224 != earned_in:
        weight: uint256 = self._weight(self.lock_of[group], empty(address), earned_in)
        assert weight != 0, "earnings: nobody was there to earn it"
        assert weight <= _U128, "earnings: weight out of bounds"
        pot = (earned_in << 224) | (weight << 96)
        book += 1 << 128
        count = unsafe_add(count, 1)
    assert (pot & _U96) + amount <= _U96, "earnings: amount out of bounds"
    assert (book & _U128) + amount <= _U128, "earnings: amount out of bounds"
    pot = unsafe_add(pot, amount)
    self._pots[key][unsafe_sub(count, 1)] = pot
    self._books[key] = unsafe_add(book, amount)
    log Distributed(
        group=group,
        number=number,
        giver=msg.sender,
        period=earned_in,
        pot=unsafe_sub(count, 1),
        amount=amount,
        weight=(pot >> 96) & _U128,
    )
    self._take(asset, amount)


@external
def claim(account: address, group: uint256, numbers: DynArray[uint256, CLAIM_MAX]):
    """
    @dev Pays an account what it has earned in a group, of several assets. Anybody may call it.
    @notice At most 64 pots of each asset at once: call again for more. An account that is a contract must accept ERC-1155
            tokens through its hook, or claim to another receiver.
    @param account The 20-byte address that earned, and is paid.
    @param group The number of the group.
    @param numbers The numbers of the assets.
    """
    self._claim(account, group, numbers, account)


@external
def claim_to(group: uint256, numbers: DynArray[uint256, CLAIM_MAX], receiver: address):
    """
    @dev Pays what the caller has earned in a group to another address.
    @param group The number of the group.
    @param numbers The numbers of the assets.
    @param receiver The 20-byte address that is paid.
    """
    self._claim(msg.sender, group, numbers, receiver)


# ------------------------------------------------------------------
#                               TOKENS
# ------------------------------------------------------------------


@external
@view
@reentrant
def onERC1155Received(operator: address, sender: address, id: uint256, amount: uint256, data: Bytes[1_024]) -> bytes4:
    """
    @dev Accepts tokens only during a distribution of them.
    @param operator The 20-byte address of the caller of the token: Earnings.
    @param sender The 20-byte address that gives.
    @param id The 32-byte token id.
    @param amount The amount in the token's units.
    @param data Ignored.
    @return bytes4 The 4-byte answer that accepts.
    """
    assert msg.sender == self._expected and operator == self, "earnings: use distribute"
    return _HOOK_ACCEPTS


@external
@view
@reentrant
def supportsInterface(interfaceId: bytes4) -> bool:
    """
    @dev Tells whether an interface is supported: ERC-165 and ERC-1155's receiver.
    @param interfaceId The 4-byte interface id.
    @return bool True if it is.
    """
    return interfaceId in [0x01ffc9a7, 0x4e2312e0]


# ------------------------------------------------------------------
#                               GUARD
# ------------------------------------------------------------------


@external
def set_paused(paused_: bool):
    """
    @dev Stops distributions and claims, or lets them go on.
    @param paused_ True to stop.
    """
    assert msg.sender == guard, "earnings: access is denied"
    self.paused = paused_
    log PauseChanged(paused=paused_)


# ------------------------------------------------------------------
#                                VIEW
# ------------------------------------------------------------------


@external
@view
def earned(account: address, group: uint256, number: uint256) -> uint256:
    """
    @dev Returns what a claim would pay an account now; not more than 64 pots are looked at.
    @param account The 20-byte address.
    @param group The number of the group.
    @param number The number of the asset.
    @return uint256 The amount in the token's smallest unit.
    """
    amount: uint256 = 0
    cursor: uint256 = 0
    amount, cursor = self._due(account, group, number)
    return amount


@external
@view
def weight(group: uint256) -> uint256:
    """
    @dev Returns what all in a group weighed together in the last period that is over.
    @param group The number of the group.
    @return uint256 The weight: units of the locked token times seconds; 0 if nobody was in it.
    """
    assert group < self.groups, "earnings: no such group"
    return self._weight(self.lock_of[group], empty(address), block.timestamp // period - 1)


# @dev Open while tokens are called: Funds may be whom they are paid to, and asks it.
@external
@view
@reentrant
def asset(number: uint256) -> IEarnings.Asset:
    """
    @dev Returns an asset; the zero address for one that was not listed.
    @param number The number of the asset, from 1.
    @return Asset The asset.
    """
    return self._assets[number]


# @dev Open while tokens are called: Funds may be whom they are paid to, and asks it.
@external
@view
@reentrant
def number_of(token: address, erc1155: bool, id: uint256) -> uint256:
    """
    @dev Returns the number of an asset.
    @param token The 20-byte address of the token.
    @param erc1155 True for an ERC-1155.
    @param id The 32-byte id; 0 for an ERC-20.
    @return uint256 The number from 1; 0 if it was not listed.
    """
    return self._numbers[keccak256(abi_encode(token, erc1155, id))]


@external
@view
def owed(group: uint256, number: uint256) -> uint256:
    """
    @dev Returns what was given to a group and not yet claimed, remainders of rounding included.
    @param group The number of the group.
    @param number The number of the asset.
    @return uint256 The amount in the token's smallest unit.
    """
    return self._books[(group << 16) | number] & _U128


@external
@view
def pots(group: uint256, number: uint256) -> uint256:
    """
    @dev Returns how many pots a group has of an asset; they are numbered from 0.
    @param group The number of the group.
    @param number The number of the asset.
    @return uint256 The number.
    """
    return self._books[(group << 16) | number] >> 128


@external
@view
def pot(group: uint256, number: uint256, place: uint256) -> (uint256, uint256, uint256):
    """
    @dev Returns a pot.
    @param group The number of the group.
    @param number The number of the asset.
    @param place The pot from 0.
    @return uint256 The period whose weights share it: unix time over the seconds of a period.
    @return uint256 The amount in the token's smallest unit.
    @return uint256 The weight of all.
    """
    word: uint256 = self._pots[(group << 16) | number][place]
    return word >> 224, word & _U96, (word >> 96) & _U128


@external
@view
def cursor(account: address, group: uint256, number: uint256) -> (uint256, uint256):
    """
    @dev Returns how far an account has claimed.
    @param account The 20-byte address.
    @param group The number of the group.
    @param number The number of the asset.
    @return uint256 The first pot from which something may be left.
    @return uint256 What was paid of that pot.
    """
    word: uint256 = self._cursors[(group << 16) | number][account]
    return word >> 96, word & _U96


# ------------------------------------------------------------------
#                              INTERNAL
# ------------------------------------------------------------------


@internal
@view
def _listed(number: uint256) -> IEarnings.Asset:
    """
    @dev Returns an asset that was listed.
    @param number The number of the asset.
    @return Asset The asset.
    """
    asset: IEarnings.Asset = self._assets[number]
    assert asset.token != empty(address), "earnings: no such asset"
    return asset


@internal
@view
def _weight(lock: address, account: address, in_period: uint256) -> uint256:
    """
    @dev Returns what an account had locked times the seconds for which it was, within one period.
    @param lock The 20-byte address of the lock.
    @param account The 20-byte address; zero for all accounts together.
    @param in_period The period, which must be over.
    @return uint256 The weight.
    """
    begin: uint256 = in_period * period
    after: uint256 = staticcall IVotingLock(lock).area(account, begin + period)
    if after == 0:
        return 0
    return after - staticcall IVotingLock(lock).area(account, begin)


@internal
@view
def _due(account: address, group: uint256, number: uint256) -> (uint256, uint256):
    """
    @dev Returns what an account is owed by the next pots, and where it stands after that.
    @param account The 20-byte address.
    @param group The number of the group.
    @param number The number of the asset.
    @return uint256 The amount in the token's smallest unit.
    @return uint256 The account's cursor after it was paid that.
    """
    assert account != empty(address), "earnings: nobody"
    key: uint256 = (group << 16) | number
    count: uint256 = self._books[key] >> 128
    lock: address = self.lock_of[group]
    word: uint256 = self._cursors[key][account]
    place: uint256 = word >> 96
    paid: uint256 = word & _U96
    if word == 0 and count != 0:
        since: uint256 = staticcall IVotingLock(lock).since(account)
        # Who never locked has no share of any pot until now.
        place = self._first(key, count, since // period) if since != 0 else count
    amount: uint256 = 0
    for _: uint256 in range(POTS_MAX):
        if place >= count:
            break
        pot: uint256 = self._pots[key][place]
        share: uint256 = (
            (pot & _U96) * self._weight(lock, account, pot >> 224) // ((pot >> 96) & _U128)
        )
        # A pot only grows, and its weights stand.
        amount += share - paid
        if unsafe_add(place, 1) == count:
            # The newest pot may still grow: remember what was paid of it.
            paid = share
            break
        place = unsafe_add(place, 1)
        paid = 0
    return amount, (place << 96) | paid


@internal
@view
def _first(key: uint256, count: uint256, since: uint256) -> uint256:
    """
    @dev Returns the first pot that is not shared by a period before another one: who came late skips what came before.
    @param key Group and asset.
    @param count How many pots there are.
    @param since The period.
    @return uint256 The pot; their number if there is none.
    """
    low: uint256 = 0
    high: uint256 = count
    # Periods are numbered by 32 bits, and each has one pot at most.
    for _: uint256 in range(33):
        if low == high:
            break
        middle: uint256 = unsafe_div(unsafe_add(low, high), 2)
        if self._pots[key][middle] >> 224 < since:
            low = unsafe_add(middle, 1)
        else:
            high = middle
    return low


@internal
def _claim(account: address, group: uint256, numbers: DynArray[uint256, CLAIM_MAX], receiver: address):
    """
    @dev Pays what an account has earned.
    @param account The 20-byte address that earned.
    @param group The number of the group.
    @param numbers The numbers of the assets.
    @param receiver The 20-byte address that is paid.
    """
    assert not self.paused, "earnings: paused"
    assert receiver != empty(address) and receiver != self, "earnings: no such receiver"
    assert not staticcall IGuard(guard).any_frozen(account, receiver), "earnings: account is frozen"
    for number: uint256 in numbers:
        asset: IEarnings.Asset = self._listed(number)
        amount: uint256 = 0
        cursor: uint256 = 0
        amount, cursor = self._due(account, group, number)
        key: uint256 = (group << 16) | number
        self._cursors[key][account] = cursor
        if amount != 0:
            book: uint256 = self._books[key]
            assert book & _U128 >= amount, "earnings: more than the group is owed"
            self._books[key] = unsafe_sub(book, amount)
            log Claimed(
                account=account,
                group=group,
                number=number,
                receiver=receiver,
                amount=amount,
                until=cursor >> 96,
                part=cursor & _U96,
            )
            if asset.erc1155:
                extcall IERC1155(asset.token).safeTransferFrom(self, receiver, asset.id, amount, b"")
            else:
                assert extcall IERC20(asset.token).transfer(
                    receiver, amount, default_return_value=True
                ), "earnings: token refuses"


@internal
def _take(asset: IEarnings.Asset, amount: uint256):
    """
    @dev Takes a distribution from the caller, all of it.
    @param asset The asset.
    @param amount The amount in the token's smallest unit.
    """
    before: uint256 = self._balance(asset)
    if asset.erc1155:
        self._expected = asset.token
        extcall IERC1155(asset.token).safeTransferFrom(msg.sender, self, asset.id, amount, b"")
        self._expected = empty(address)
    else:
        assert extcall IERC20(asset.token).transferFrom(
            msg.sender, self, amount, default_return_value=True
        ), "earnings: token refuses"
    assert self._balance(asset) - before == amount, "earnings: not the whole amount came"


@internal
@view
def _balance(asset: IEarnings.Asset) -> uint256:
    """
    @dev Returns what is here of an asset.
    @param asset The asset.
    @return uint256 The amount in the token's smallest unit.
    """
    if asset.erc1155:
        return staticcall IERC1155(asset.token).balanceOf(self, asset.id)
    return staticcall IERC20(asset.token).balanceOf(self)
