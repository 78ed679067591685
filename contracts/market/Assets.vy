# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Assets
@custom:contract-name Assets
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice Passports, tickets and rights as an ERC-1155, minted by approved providers. A provider opens a series, whose kind,
        size, end and royalty never change, and mints of it up to its size, counting what was redeemed.
        A passport is one of its kind: a device, a plant, a building; its provider keeps its content's hash up to date.
        A ticket stands for a service and redeems once: redeeming destroys it, and nothing that was destroyed can be
        minted again. A right is held until its series ends.
@custom:security A provider can mint nothing of somebody else's series, and takes nothing back. A provider who was dismissed
                 mints no more; what it minted goes on. The owner is meant to be a timelock. A freeze stops an account's
                 transfers and redemptions. Royalties (ERC-2981) are told, at most 10 %; a marketplace pays them.
@custom:kill `Guard.pause(assets)` stops series, minting, transfers and redeeming. `set_provider(…, False)` stops one provider.
"""


# ------------------------------------------------------------------
#                             INTERFACES
# ------------------------------------------------------------------


from ethereum.ercs import IERC165
from snekmate.tokens.interfaces import IERC1155
from snekmate.tokens.interfaces import IERC1155MetadataURI
from snekmate.extensions.interfaces import IERC2981
from contracts.interfaces import IGuard
from contracts.interfaces import IPausable

implements: IERC165
implements: IERC1155
implements: IERC1155MetadataURI
implements: IERC2981
implements: IPausable


# ------------------------------------------------------------------
#                              MODULES
# ------------------------------------------------------------------


from snekmate.auth import ownable
from snekmate.auth import ownable_2step
from snekmate.tokens import erc1155

initializes: ownable
initializes: ownable_2step[ownable := ownable]
initializes: erc1155[ownable := ownable]

# Left out: snekmate's transfers, mints, burns and minter administration, because everything that moves asks the Guard
# first and series have providers; `renounce_ownership`, because without an owner no provider could be dismissed.
exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
    erc1155.balanceOf,
    erc1155.balanceOfBatch,
    erc1155.isApprovedForAll,
    erc1155.setApprovalForAll,
    erc1155.uri,
    erc1155.total_supply,
)


# ------------------------------------------------------------------
#                               EVENTS
# ------------------------------------------------------------------


# @dev A provider opened a series.
event SeriesOpened:
    id: indexed(uint256)
    provider: indexed(address)
    kind: uint8
    size: uint128
    ends: uint40
    royalty_bps: uint16
    royalty_receiver: address
    content_hash: bytes32


# @dev A passport's content changed.
event ContentChanged:
    id: indexed(uint256)
    old: bytes32
    new: bytes32


# @dev Tickets were redeemed: destroyed, for a service that the provider owes.
event Redeemed:
    id: indexed(uint256)
    holder: indexed(address)
    amount: uint256
    note: bytes32


# @dev A provider was approved or dismissed.
event ProviderChanged:
    provider: indexed(address)
    old: bool
    new: bool


# @dev The Guard stopped the assets or lets them go on.
event PauseChanged:
    paused: bool


# ------------------------------------------------------------------
#                             CONSTANTS
# ------------------------------------------------------------------


# @dev What `series_of` tells of a series.
struct Series:
    provider: address
    kind: uint8
    # The largest number that is ever minted, and how many were.
    size: uint128
    minted: uint128
    # The unix second until which it counts; 0 for ever.
    ends: uint40
    royalty_bps: uint16
    royalty_receiver: address
    content_hash: bytes32


# @dev Kinds of series.
PASSPORT: constant(uint8) = 1
TICKET: constant(uint8) = 2
RIGHT: constant(uint8) = 3


# @dev The highest royalty: 10 %.
ROYALTY_MAX_BPS: constant(uint16) = 1_000


# @dev The whole of a royalty.
_BPS: constant(uint256) = 10_000


# @dev The largest number of ids in a batch transfer, as snekmate has it.
_BATCH_SIZE: constant(uint256) = 128


# @dev ERC-165, ERC-1155, its metadata, ERC-2981.
_SUPPORTED_INTERFACES: constant(bytes4[4]) = [0x01FFC9A7, 0xD9B67A26, 0x0E89341C, 0x2A55205A]


# @dev The brake.
guard: public(immutable(address))


# ------------------------------------------------------------------
#                              STORAGE
# ------------------------------------------------------------------


# @dev True while everything but reading is stopped.
paused: public(bool)


# @dev How many series there are; their ids run from 1.
series: public(uint256)


# @dev Who may open series and mint of their own.
providers: public(HashMap[address, bool])


# @dev id → its series; no kind if there is none.
_series: HashMap[uint256, Series]


# ------------------------------------------------------------------
#                            CONSTRUCTOR
# ------------------------------------------------------------------


@deploy
def __init__(guard_: address):
    """
    @dev The deployer is the first owner. There is no provider yet.
    @param guard_ The 20-byte address of the Guard.
    """
    ownable.__init__()
    ownable_2step.__init__()
    erc1155.__init__("")
    guard = guard_


# ------------------------------------------------------------------
#                             PROVIDERS
# ------------------------------------------------------------------


@external
def open_series(
    kind: uint8,
    size: uint128,
    ends: uint40,
    royalty_bps: uint16,
    royalty_receiver: address,
    content_hash: bytes32,
    uri: String[432],
) -> uint256:
    """
    @dev Opens a series. None of this changes later, but a passport's content hash.
    @param kind The 1-byte kind: 1 passport, 2 ticket, 3 right.
    @param size How many are ever minted, above 0; exactly 1 of a passport.
    @param ends The last unix second at which a ticket redeems or a right counts; 0 for ever.
    @param royalty_bps What the receiver gets of a sale, in basis points, at most 1,000.
    @param royalty_receiver The 20-byte address that gets royalties; not zero unless there are none.
    @param content_hash The 32-byte hash of the document that says what this is.
    @param uri Where that document is.
    @return uint256 The id.
    """
    self._check_provider()
    assert kind >= PASSPORT and kind <= RIGHT, "assets: unknown kind"
    assert size != 0, "assets: size is 0"
    assert size == 1 or kind != PASSPORT, "assets: a passport is one of its kind"
    assert ends == 0 or convert(ends, uint256) > block.timestamp, "assets: ends before it begins"
    assert royalty_bps <= ROYALTY_MAX_BPS, "assets: royalty out of bounds"
    assert royalty_bps == 0 or royalty_receiver != empty(address), "assets: royalty to nobody"
    id: uint256 = self.series + 1
    self.series = id
    self._series[id] = Series(
        provider=msg.sender,
        kind=kind,
        size=size,
        minted=0,
        ends=ends,
        royalty_bps=royalty_bps,
        royalty_receiver=royalty_receiver,
        content_hash=content_hash,
    )
    log SeriesOpened(
        id=id,
        provider=msg.sender,
        kind=kind,
        size=size,
        ends=ends,
        royalty_bps=royalty_bps,
        royalty_receiver=royalty_receiver,
        content_hash=content_hash,
    )
    erc1155._set_uri(id, uri)
    return id


@external
def mint(to: address, id: uint256, amount: uint128):
    """
    @dev Mints of the caller's series.
    @param to The 20-byte address that receives; a contract must accept through its ERC-1155 hook.
    @param id The 32-byte id.
    @param amount How many, above 0.
    """
    self._check_series(id)
    assert amount != 0, "assets: nothing to mint"
    assert self._counts(id), "assets: series has ended"
    assert not staticcall IGuard(guard).frozen(to), "assets: account is frozen"
    minted: uint128 = self._series[id].minted
    assert amount <= self._series[id].size - minted, "assets: more than the series' size"
    self._series[id].minted = minted + amount
    erc1155._safe_mint(to, id, convert(amount, uint256), b"")


@external
def set_content(id: uint256, content_hash: bytes32):
    """
    @dev Changes the content hash of the caller's passport: a repair, an inspection.
    @param id The 32-byte id.
    @param content_hash The 32-byte hash of the new document.
    """
    self._check_series(id)
    assert self._series[id].kind == PASSPORT, "assets: not a passport"
    log ContentChanged(id=id, old=self._series[id].content_hash, new=content_hash)
    self._series[id].content_hash = content_hash


# ------------------------------------------------------------------
#                              HOLDERS
# ------------------------------------------------------------------


@external
def redeem(owner: address, id: uint256, amount: uint256, note: bytes32):
    """
    @dev Redeems tickets, once and for all: they are destroyed and the provider owes their service.
    @param owner The 20-byte address of the holder; the caller or who approved the caller.
    @param id The 32-byte id.
    @param amount How many, above 0.
    @param note 32 bytes for the provider: the hash of an appointment, say.
    """
    self._check_may_move(owner, owner)
    assert self._series[id].kind == TICKET, "assets: not a ticket"
    assert amount != 0, "assets: nothing to redeem"
    assert self._counts(id), "assets: series has ended"
    erc1155._burn(owner, id, amount)
    log Redeemed(id=id, holder=owner, amount=amount, note=note)


@external
def safeTransferFrom(owner: address, to: address, id: uint256, amount: uint256, data: Bytes[1_024]):
    """
    @dev Transfers assets of one id.
    @param owner The 20-byte address that gives.
    @param to The 20-byte address that receives; a contract must accept through its ERC-1155 hook.
    @param id The 32-byte id.
    @param amount How many.
    @param data Bytes without meaning here, handed to the receiver.
    """
    self._check_may_move(owner, to)
    erc1155._safe_transfer_from(owner, to, id, amount, data)


@external
def safeBatchTransferFrom(
    owner: address,
    to: address,
    ids: DynArray[uint256, _BATCH_SIZE],
    amounts: DynArray[uint256, _BATCH_SIZE],
    data: Bytes[1_024],
):
    """
    @dev Transfers assets of several ids.
    @param owner The 20-byte address that gives.
    @param to The 20-byte address that receives; a contract must accept through its ERC-1155 hook.
    @param ids The 32-byte ids.
    @param amounts How many of each, in the order of the ids.
    @param data Bytes without meaning here, handed to the receiver.
    """
    self._check_may_move(owner, to)
    erc1155._safe_batch_transfer_from(owner, to, ids, amounts, data)


# ------------------------------------------------------------------
#                               OWNER
# ------------------------------------------------------------------


@external
def set_provider(provider: address, active: bool):
    """
    @dev Approves or dismisses a provider.
    @param provider The 20-byte address.
    @param active True to approve.
    """
    ownable._check_owner()
    old: bool = self.providers[provider]
    self.providers[provider] = active
    log ProviderChanged(provider=provider, old=old, new=active)


# ------------------------------------------------------------------
#                               GUARD
# ------------------------------------------------------------------


@external
def set_paused(paused_: bool):
    """
    @dev Stops series, minting, transfers and redeeming, or lets them go on.
    @param paused_ True to stop.
    """
    assert msg.sender == guard, "assets: access is denied"
    self.paused = paused_
    log PauseChanged(paused=paused_)


# ------------------------------------------------------------------
#                                VIEW
# ------------------------------------------------------------------


@external
@view
def series_of(id: uint256) -> Series:
    """
    @dev Returns a series; all zero when there is none.
    @param id The 32-byte id.
    @return Series The provider, the kind, the size and how many were minted, the end, the royalty, the content's hash.
    """
    return self._series[id]


@external
@view
def holds(account: address, id: uint256) -> bool:
    """
    @dev Tells whether an account has a right, a passport or a ticket that counts at this instant.
    @param account The 20-byte address.
    @param id The 32-byte id.
    @return bool True if it holds at least one and the series has not ended.
    """
    return erc1155.balanceOf[account][id] != 0 and self._counts(id)


@external
@view
def exists(id: uint256) -> bool:
    """
    @dev Tells whether any of an id exists.
    @param id The 32-byte id.
    @return bool True if the supply is not zero.
    """
    return erc1155.total_supply[id] != 0


# @dev Open while something moves: a marketplace asks in the same transaction.
@external
@view
@reentrant
def royaltyInfo(id: uint256, sale_price: uint256) -> (address, uint256):
    """
    @dev Returns what a sale owes as a royalty (ERC-2981), rounded down.
    @param id The 32-byte id.
    @param sale_price The price of the sale, in any unit.
    @return address The 20-byte address that gets it; zero if there is none.
    @return uint256 The amount in the unit of the price.
    """
    return self._series[id].royalty_receiver, sale_price * convert(self._series[id].royalty_bps, uint256) // _BPS


@external
@view
@reentrant
def supportsInterface(interface_id: bytes4) -> bool:
    """
    @dev Tells whether an interface is implemented (ERC-165).
    @param interface_id The 4-byte id of the interface.
    @return bool True for ERC-165, ERC-1155, its metadata and ERC-2981.
    """
    return interface_id in _SUPPORTED_INTERFACES


# ------------------------------------------------------------------
#                              INTERNAL
# ------------------------------------------------------------------


@internal
@view
def _check_provider():
    """
    @dev Refuses a stop, and anyone but an approved provider who isn't frozen.
    """
    assert not self.paused, "assets: paused"
    assert self.providers[msg.sender], "assets: access is denied"
    assert not staticcall IGuard(guard).frozen(msg.sender), "assets: account is frozen"


@internal
@view
def _check_series(id: uint256):
    """
    @dev Refuses anyone but the approved provider of a series.
    @param id The 32-byte id.
    """
    self._check_provider()
    assert self._series[id].provider == msg.sender, "assets: not the caller's series"


@internal
@view
def _check_may_move(owner: address, to: address):
    """
    @dev Refuses a caller without approval, a stop, and frozen accounts.
    @param owner The 20-byte address that gives.
    @param to The 20-byte address that receives.
    """
    assert not self.paused, "assets: paused"
    if owner != msg.sender:
        assert erc1155.isApprovedForAll[owner][msg.sender], "assets: caller is not owner or approved"
        assert not staticcall IGuard(guard).frozen(msg.sender), "assets: account is frozen"
    assert not staticcall IGuard(guard).any_frozen(owner, to), "assets: account is frozen"


@internal
@view
def _counts(id: uint256) -> bool:
    """
    @dev Tells whether a series has not ended.
    @param id The 32-byte id.
    @return bool True until its end, its last second included.
    """
    ends: uint256 = convert(self._series[id].ends, uint256)
    return ends == 0 or block.timestamp <= ends
