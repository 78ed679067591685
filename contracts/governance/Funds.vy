# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Funds
@custom:contract-name Funds
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice The beneficiary: fees of books, pools and sales come here, and so does the reserve of what is minted. Two books are
        kept of every asset. What was minted to this address, directly or by way of the Treasury's pending tokens, is
        the reserve and is kept. Whatever else comes is fees: anybody may have them divided, by the shares that the DAO
        has set, among groups of Earnings (lockers of GCM, providers of liquidity); the rest is kept. What is kept only
        the owner spends. Sources need not be known here: whoever calls them lets them pay, and a token that has no hook
        is counted by its balance.
@custom:security The owner is meant to be a timelock; it alone can move what is kept or what is not yet divided. Both books
                 together are never more than what is here, since everything is counted by the balance. A share of a
                 group in which nobody was when it was divided is kept: nobody earned it.
@custom:kill `Guard.pause(funds)` stops dividing and spending. Fees and reserve go on coming in.
"""


# ------------------------------------------------------------------
#                             INTERFACES
# ------------------------------------------------------------------


from ethereum.ercs import IERC165
from ethereum.ercs import IERC20
from snekmate.tokens.interfaces import IERC1155
from contracts.interfaces import IEarnings
from contracts.interfaces import IPausable

implements: IERC165
implements: IPausable


interface IPendingTokens:
    def withdraw_pending(token_id: uint256, to: address) -> uint256: nonpayable


# ------------------------------------------------------------------
#                              MODULES
# ------------------------------------------------------------------


from snekmate.auth import ownable
from snekmate.auth import ownable_2step

initializes: ownable
initializes: ownable_2step[ownable := ownable]

# `renounce_ownership` is left out: what is kept would be lost.
exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
)


# ------------------------------------------------------------------
#                               EVENTS
# ------------------------------------------------------------------


# @dev Something came: of the reserve, or fees. The giver is known if the token has a hook.
event Received:
    number: indexed(uint256)
    giver: indexed(address)
    amount: uint256
    reserve: bool


# @dev Fees were divided; what each group got says Earnings.
event Divided:
    number: indexed(uint256)
    amount: uint256
    distributed: uint256
    kept: uint256


# @dev Fees were set aside, or what was set aside is fees again.
event Moved:
    number: indexed(uint256)
    amount: uint256
    to_kept: bool


# @dev Something that was kept was spent.
event Spent:
    number: indexed(uint256)
    receiver: indexed(address)
    amount: uint256


# @dev How fees are divided changed.
event SharesChanged:
    old: DynArray[Share, SHARES_MAX]
    new: DynArray[Share, SHARES_MAX]


# @dev The Guard stopped dividing and spending or lets them go on.
event PauseChanged:
    paused: bool


# ------------------------------------------------------------------
#                             CONSTANTS
# ------------------------------------------------------------------


# @dev The part of a group in what is divided, in hundredths of a per cent.
struct Share:
    group: uint256
    bps: uint256


# @dev The most groups among which fees are divided.
SHARES_MAX: constant(uint256) = 16


# @dev The whole.
_BPS: constant(uint256) = 10_000


# @dev Where shares are paid.
earnings: public(immutable(address))


# @dev Whose pending tokens are of the reserve.
treasury: public(immutable(address))


# @dev The brake.
guard: public(immutable(address))


# ------------------------------------------------------------------
#                              STORAGE
# ------------------------------------------------------------------


# @dev True while dividing and spending are stopped.
paused: public(bool)


# @dev How fees are divided. What the shares leave of the whole is kept.
_shares: DynArray[Share, SHARES_MAX]


# @dev number of an asset → fees that were not yet divided.
fees: public(HashMap[uint256, uint256])


# @dev number of an asset → reserve, and parts of fees, that only the owner spends.
kept: public(HashMap[uint256, uint256])


# ------------------------------------------------------------------
#                            CONSTRUCTOR
# ------------------------------------------------------------------


@deploy
def __init__(earnings_: address, treasury_: address, guard_: address):
    """
    @dev The deployer is the first owner. Everything is kept until shares are set.
    @param earnings_ The 20-byte address of Earnings, which numbers the assets.
    @param treasury_ The 20-byte address of the Treasury.
    @param guard_ The 20-byte address of the Guard.
    """
    ownable.__init__()
    ownable_2step.__init__()
    assert earnings_.is_contract and treasury_.is_contract, "funds: not a contract"
    earnings = earnings_
    treasury = treasury_
    guard = guard_


# ------------------------------------------------------------------
#                           PERMISSIONLESS
# ------------------------------------------------------------------


@external
def count(number: uint256) -> uint256:
    """
    @dev Counts as fees what came without a hook. Anybody may call it.
    @param number The number of the asset.
    @return uint256 The amount in the token's smallest unit.
    """
    return self._count(number, self._listed(number), empty(address), False)


@external
def fetch_pending(token_id: uint256) -> uint256:
    """
    @dev Fetches tokens that the Treasury minted while this contract did not accept them. Anybody may call it.
    @param token_id The 32-byte class or batch id.
    @return uint256 The amount in µWh.
    """
    # They come through the hook below, from the Treasury.
    return extcall IPendingTokens(treasury).withdraw_pending(token_id, self)


@external
def divide(number: uint256) -> uint256:
    """
    @dev Divides the fees of an asset by the shares. Anybody may call it.
    @param number The number of the asset.
    @return uint256 What groups got, in the token's smallest unit.
    """
    assert not self.paused, "funds: paused"
    asset: IEarnings.Asset = self._listed(number)
    self._count(number, asset, empty(address), False)
    amount: uint256 = self.fees[number]
    if amount == 0:
        return 0
    groups: DynArray[uint256, SHARES_MAX] = []
    parts: DynArray[uint256, SHARES_MAX] = []
    distributed: uint256 = 0
    for share: Share in self._shares:
        part: uint256 = amount * share.bps // _BPS
        if part != 0 and staticcall IEarnings(earnings).weight(share.group) != 0:
            groups.append(share.group)
            parts.append(part)
            distributed += part
    self.fees[number] = distributed
    # The shares are at most the whole.
    self.kept[number] += unsafe_sub(amount, distributed)
    log Divided(number=number, amount=amount, distributed=distributed, kept=unsafe_sub(amount, distributed))
    if distributed != 0:
        if asset.erc1155:
            extcall IERC1155(asset.token).setApprovalForAll(earnings, True)
        else:
            assert extcall IERC20(asset.token).approve(
                earnings, distributed, default_return_value=True
            ), "funds: token refuses"
        for i: uint256 in range(len(groups), bound=SHARES_MAX):
            # Part by part, so that the books fit the balance whenever a token is called.
            self.fees[number] -= parts[i]
            extcall IEarnings(earnings).distribute(groups[i], number, parts[i])
        if asset.erc1155:
            extcall IERC1155(asset.token).setApprovalForAll(earnings, False)
    return distributed


# ------------------------------------------------------------------
#                               OWNER
# ------------------------------------------------------------------


@external
def set_shares(shares_: DynArray[Share, SHARES_MAX]):
    """
    @dev Sets how fees are divided from now on. What they leave of the whole is kept.
    @param shares_ Group and part in hundredths of a per cent, in ascending order of the groups; together at most 10,000.
    """
    ownable._check_owner()
    sum: uint256 = 0
    next: uint256 = 0
    for share: Share in shares_:
        assert share.group >= next, "funds: groups not strictly ascending"
        assert share.group < staticcall IEarnings(earnings).groups(), "funds: no such group"
        assert share.bps != 0 and share.bps <= _BPS, "funds: share out of bounds"
        next = share.group + 1
        sum += share.bps
    assert sum <= _BPS, "funds: more than the whole"
    log SharesChanged(old=self._shares, new=shares_)
    self._shares = shares_


@external
def set_aside(number: uint256, amount: uint256):
    """
    @dev Keeps fees that would be divided.
    @param number The number of the asset.
    @param amount The amount in the token's smallest unit.
    """
    ownable._check_owner()
    assert amount <= self.fees[number], "funds: more than there is"
    self.fees[number] -= amount
    self.kept[number] += amount
    log Moved(number=number, amount=amount, to_kept=True)


@external
def release(number: uint256, amount: uint256):
    """
    @dev Lets what is kept be divided as fees are.
    @param number The number of the asset.
    @param amount The amount in the token's smallest unit.
    """
    ownable._check_owner()
    assert amount <= self.kept[number], "funds: more than there is"
    self.kept[number] -= amount
    self.fees[number] += amount
    log Moved(number=number, amount=amount, to_kept=False)


@external
def spend(number: uint256, amount: uint256, to: address, data: Bytes[1_024]):
    """
    @dev Sends what is kept. Class tokens that are sent to GCM become GCM of this contract, which counts as fees until it
         is set aside.
    @param number The number of the asset.
    @param amount The amount in the token's smallest unit.
    @param to The 20-byte address that receives.
    @param data What an ERC-1155's receiver is told; nothing for an ERC-20.
    """
    ownable._check_owner()
    assert not self.paused, "funds: paused"
    assert to != empty(address) and to != self, "funds: no such receiver"
    asset: IEarnings.Asset = self._listed(number)
    assert amount <= self.kept[number], "funds: more than there is"
    self.kept[number] -= amount
    log Spent(number=number, receiver=to, amount=amount)
    if asset.erc1155:
        extcall IERC1155(asset.token).safeTransferFrom(self, to, asset.id, amount, data)
    else:
        assert len(data) == 0, "funds: an ERC-20 tells nobody"
        assert extcall IERC20(asset.token).transfer(to, amount, default_return_value=True), "funds: token refuses"


# ------------------------------------------------------------------
#                               TOKENS
# ------------------------------------------------------------------


@external
@reentrant
def onERC1155Received(operator: address, sender: address, id: uint256, amount: uint256, data: Bytes[1_024]) -> bytes4:
    """
    @dev Accepts assets that are listed and counts them: the reserve if they were minted here or come from the Treasury,
         else fees.
    @param operator The 20-byte address of the caller of the token.
    @param sender The 20-byte address that gives; zero if they were minted.
    @param id The 32-byte token id.
    @param amount The amount, which is counted by the balance.
    @param data Ignored.
    @return bytes4 The 4-byte answer that accepts.
    """
    self._received(msg.sender, sender, id)
    return method_id("onERC1155Received(address,address,uint256,uint256,bytes)", output_type=bytes4)


@external
@reentrant
def onERC1155BatchReceived(
    operator: address,
    sender: address,
    ids: DynArray[uint256, 128],
    amounts: DynArray[uint256, 128],
    data: Bytes[1_024],
) -> bytes4:
    """
    @dev Accepts several assets that are listed, and counts them as one.
    @param operator The 20-byte address of the caller of the token.
    @param sender The 20-byte address that gives; zero if they were minted.
    @param ids The 32-byte token ids.
    @param amounts The amounts, which are counted by the balance.
    @param data Ignored.
    @return bytes4 The 4-byte answer that accepts.
    """
    for id: uint256 in ids:
        self._received(msg.sender, sender, id)
    return method_id("onERC1155BatchReceived(address,address,uint256[],uint256[],bytes)", output_type=bytes4)


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
    @dev Stops dividing and spending, or lets them go on.
    @param paused_ True to stop.
    """
    assert msg.sender == guard, "funds: access is denied"
    self.paused = paused_
    log PauseChanged(paused=paused_)


# ------------------------------------------------------------------
#                                VIEW
# ------------------------------------------------------------------


@external
@view
def shares() -> DynArray[Share, SHARES_MAX]:
    """
    @dev Returns how fees are divided.
    @return DynArray Group and part in hundredths of a per cent, in ascending order of the groups.
    """
    return self._shares


# ------------------------------------------------------------------
#                              INTERNAL
# ------------------------------------------------------------------


@internal
@view
def _listed(number: uint256) -> IEarnings.Asset:
    """
    @dev Returns an asset that Earnings knows.
    @param number The number of the asset.
    @return Asset The asset.
    """
    asset: IEarnings.Asset = staticcall IEarnings(earnings).asset(number)
    assert asset.token != empty(address), "funds: no such asset"
    return asset


@internal
def _received(token: address, giver: address, id: uint256):
    """
    @dev Counts what a token says has come.
    @param token The 20-byte address of the token, which calls.
    @param giver The 20-byte address that gave; zero if it was minted.
    @param id The 32-byte token id.
    """
    number: uint256 = staticcall IEarnings(earnings).number_of(token, True, id)
    assert number != 0, "funds: asset is not listed"
    reserve: bool = giver == empty(address) or giver == treasury
    self._count(number, IEarnings.Asset(token=token, erc1155=True, id=id), giver, reserve)


@internal
def _count(number: uint256, asset: IEarnings.Asset, giver: address, reserve: bool) -> uint256:
    """
    @dev Books what is here and in neither book.
    @param number The number of the asset.
    @param asset The asset.
    @param giver The 20-byte address that gave it; zero if that is not known, or if it was minted.
    @param reserve True if it is of the reserve.
    @return uint256 The amount in the token's smallest unit.
    """
    balance: uint256 = 0
    if asset.erc1155:
        balance = staticcall IERC1155(asset.token).balanceOf(self, asset.id)
    else:
        balance = staticcall IERC20(asset.token).balanceOf(self)
    amount: uint256 = balance - self.fees[number] - self.kept[number]
    if amount != 0:
        if reserve:
            self.kept[number] += amount
        else:
            self.fees[number] += amount
        log Received(number=number, giver=giver, amount=amount, reserve=reserve)
    return amount
