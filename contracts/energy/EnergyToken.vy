# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title EnergyToken
@custom:contract-name EnergyToken
@license GNU Affero General Public License v3.0 only
@author The GreenCore authors
@notice Metered energy as an ERC-1155. A class id is the utility's code: fungible, traded, nine decimals, one unit is
        1 µWh and 10^9 units are 1 kWh. A batch id names one utility and one 15-minute slot, so that a holder can show
        where the energy came from; it can be fused into its class and never back. Only the Treasury mints, and only
        what the Oracle's reports cover. Burning makes no green claim: a certificate retires the attribute.
@custom:security Nobody owns this contract; minter, Guard and URI are fixed at deployment. A freeze or a pause stops
                 transfers, fusing and burning; it never stops minting, because what was metered is owed.
@custom:kill `Guard.pause(token)` stops everything but minting; `Guard.pause(treasury)` stops minting.
"""


# ------------------------------------------------------------------
#                             INTERFACES
# ------------------------------------------------------------------


from ethereum.ercs import IERC165
from snekmate.tokens.interfaces import IERC1155
from snekmate.tokens.interfaces import IERC1155MetadataURI
from contracts.interfaces import IEnergyToken
from contracts.interfaces import IGuard
from contracts.interfaces import IPausable
from contracts.interfaces import ITreasury

implements: IERC165
implements: IERC1155
implements: IERC1155MetadataURI
implements: IEnergyToken
implements: IPausable


# ------------------------------------------------------------------
#                              MODULES
# ------------------------------------------------------------------


from snekmate.auth import ownable
from snekmate.tokens import erc1155

initializes: ownable
initializes: erc1155[ownable := ownable]

# Left out, because one minter is fixed and everything that moves tokens asks the Guard first: snekmate's transfers,
# mints, burns and minter administration. `total_supply` and `exists` are told by this contract, see `_outside`.
exports: (
    erc1155.supportsInterface,
    erc1155.balanceOf,
    erc1155.balanceOfBatch,
    erc1155.isApprovedForAll,
    erc1155.setApprovalForAll,
    erc1155.uri,
)


# ------------------------------------------------------------------
#                               EVENTS
# ------------------------------------------------------------------


# @dev Batch tokens became class tokens.
event Fused:
    owner: indexed(address)
    batch_id: uint256
    class_id: uint256
    amount: uint256


# @dev The Guard stopped transfers or lets them go on.
event PauseChanged:
    paused: bool


# ------------------------------------------------------------------
#                             CONSTANTS
# ------------------------------------------------------------------


# @dev The bit that tells a batch id from a class id.
BATCH_BIT: constant(uint256) = 1 << 255


# @dev Class ids run from 1 (E) to 9 (DEV).
CLASS_MAX: constant(uint256) = 9


# @dev What a receiver's hook may use. More would let a receiver make a claim expensive for whoever brings it.
HOOK_GAS: constant(uint256) = 100_000


# @dev What a receiver answers when it accepts.
_HOOK_ACCEPTS: constant(bytes4) = method_id(
    "onERC1155Received(address,address,uint256,uint256,bytes)", output_type=bytes4
)


# @dev The largest number of ids in a batch transfer, as snekmate has it.
_BATCH_SIZE: constant(uint256) = 128


# @dev The most that one call credits.
ROW_MAX: constant(uint256) = 32


# @dev The low 96 bits of a word.
_U96: constant(uint256) = (1 << 96) - 1


# @dev The only minter.
treasury: public(immutable(address))


# @dev The brake.
guard: public(immutable(address))


# ------------------------------------------------------------------
#                              STORAGE
# ------------------------------------------------------------------


# @dev True while transfers, fusing and burning are stopped.
paused: public(bool)


# @dev class id → energy that was issued and is not in the class: burned, or in batches. The class supply is what the
# Treasury issued less this, so that a mint writes one balance and no supply.
_outside: HashMap[uint256, uint256]


# ------------------------------------------------------------------
#                            CONSTRUCTOR
# ------------------------------------------------------------------


@deploy
def __init__(treasury_: address, guard_: address, base_uri: String[80]):
    """
    @dev Nobody owns the token.
    @param treasury_ The 20-byte address at which the Treasury will stand.
    @param guard_ The 20-byte address of the Guard.
    @param base_uri The beginning of every token's metadata address.
    """
    ownable.__init__()
    erc1155.__init__(base_uri)
    ownable._transfer_ownership(empty(address))
    treasury = treasury_
    guard = guard_


# ------------------------------------------------------------------
#                              HOLDERS
# ------------------------------------------------------------------


# @dev Without a lock: all is written before the receiver is called, and a receiver may pass on what it just got. A
# router trades energy inside the hook of the transfer that brought it.
@external
@reentrant
def safeTransferFrom(owner: address, to: address, id: uint256, amount: uint256, data: Bytes[1_024]):
    """
    @dev Transfers tokens of one id.
    @param owner The 20-byte address that gives.
    @param to The 20-byte address that receives; a contract must accept through its ERC-1155 hook.
    @param id The 32-byte class or batch id.
    @param amount The amount in µWh.
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
    @dev Transfers tokens of several ids.
    @param owner The 20-byte address that gives.
    @param to The 20-byte address that receives; a contract must accept through its ERC-1155 hook.
    @param ids The 32-byte class or batch ids.
    @param amounts The amounts in µWh, in the order of the ids.
    @param data Bytes without meaning here, handed to the receiver.
    """
    self._check_may_move(owner, to)
    erc1155._safe_batch_transfer_from(owner, to, ids, amounts, data)


@external
def fuse(batch_id: uint256, amount: uint256):
    """
    @dev Turns the caller's batch tokens into class tokens, for good.
    @param batch_id The 32-byte batch id.
    @param amount The amount in µWh.
    """
    assert batch_id & BATCH_BIT != 0, "energy_token: not a batch"
    self._check_may_move(msg.sender, msg.sender)
    class_id: uint256 = self._class_of(batch_id)
    self._debit(msg.sender, batch_id, amount)
    erc1155.total_supply[batch_id] -= amount
    self._outside[class_id] -= amount
    erc1155.balanceOf[msg.sender][class_id] += amount
    log IERC1155.TransferSingle(
        _operator=msg.sender, _from=msg.sender, _to=empty(address), _id=batch_id, _value=amount
    )
    log IERC1155.TransferSingle(
        _operator=msg.sender, _from=empty(address), _to=msg.sender, _id=class_id, _value=amount
    )
    log Fused(owner=msg.sender, batch_id=batch_id, class_id=class_id, amount=amount)


@external
def burn(id: uint256, amount: uint256):
    """
    @dev Destroys tokens of the caller.
    @param id The 32-byte class or batch id.
    @param amount The amount in µWh.
    """
    self._burn(msg.sender, id, amount)


@external
def burn_from(owner: address, id: uint256, amount: uint256):
    """
    @dev Destroys tokens of an owner who approved the caller.
    @param owner The 20-byte address of the owner.
    @param id The 32-byte class or batch id.
    @param amount The amount in µWh.
    """
    self._burn(owner, id, amount)


# ------------------------------------------------------------------
#                              TREASURY
# ------------------------------------------------------------------


# @dev Without a lock: it calls nobody, and the Treasury has its own.
@external
@reentrant
def mint(to: address, id: uint256, amount: uint256):
    """
    @dev Credits new tokens without calling the receiver: the Treasury knows that it has no code, or is the Treasury.
    @param to The 20-byte address that is credited.
    @param id The 32-byte class or batch id.
    @param amount The amount in µWh.
    """
    self._mint(to, id, amount)


# @dev Without a lock, as `mint`.
@external
@reentrant
def mint_row(id: uint256, paid: DynArray[uint256, ROW_MAX]):
    """
    @dev Credits new class tokens to many without calling anybody.
    @param id The 32-byte class id.
    @param paid A word for each who is credited: address << 96 | amount in µWh.
    """
    assert msg.sender == treasury, "energy_token: access is denied"
    for word: uint256 in paid:
        to: address = convert(word >> 96, address)
        assert to != empty(address), "energy_token: mint to the zero address"
        amount: uint256 = word & _U96
        erc1155.balanceOf[to][id] += amount
        log IERC1155.TransferSingle(_operator=msg.sender, _from=empty(address), _to=to, _id=id, _value=amount)


# @dev Open while a receiver is called: inside somebody's transfer a stranger could otherwise make the lock look like a
# refusal, and leave a willing receiver's tokens pending. Its effects stand before its call.
@external
@reentrant
def mint_with_hook(to: address, id: uint256, amount: uint256):
    """
    @dev Credits new tokens and calls the receiver's hook with bounded gas. Reverts if the hook fails or refuses.
    @param to The 20-byte address of the receiving contract.
    @param id The 32-byte class or batch id.
    @param amount The amount in µWh.
    """
    self._mint(to, id, amount)
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        to,
        abi_encode(msg.sender, empty(address), id, amount, b"", method_id=_HOOK_ACCEPTS),
        max_outsize=32,
        gas=HOOK_GAS,
        revert_on_failure=False,
    )
    assert (
        success and len(answer) == 32 and convert(answer, bytes32) == convert(_HOOK_ACCEPTS, bytes32)
    ), "energy_token: receiver refuses"


# ------------------------------------------------------------------
#                               GUARD
# ------------------------------------------------------------------


@external
def set_paused(paused_: bool):
    """
    @dev Stops transfers, fusing and burning, or lets them go on.
    @param paused_ True to stop.
    """
    assert msg.sender == guard, "energy_token: access is denied"
    self.paused = paused_
    log PauseChanged(paused=paused_)


# ------------------------------------------------------------------
#                                VIEW
# ------------------------------------------------------------------


@external
@view
@reentrant
def total_supply(id: uint256) -> uint256:
    """
    @dev Returns how much of an id exists.
    @param id The 32-byte class or batch id.
    @return uint256 The amount in µWh.
    """
    return self._total_supply(id)


@external
@view
def exists(id: uint256) -> bool:
    """
    @dev Tells whether any token of an id exists.
    @param id The 32-byte class or batch id.
    @return bool True if the supply is not zero.
    """
    return self._total_supply(id) != 0


# ------------------------------------------------------------------
#                              INTERNAL
# ------------------------------------------------------------------


@internal
@view
def _check_may_move(owner: address, to: address):
    """
    @dev Refuses a caller without approval, a stop, and frozen accounts.
    @param owner The 20-byte address that gives.
    @param to The 20-byte address that receives.
    """
    assert not self.paused, "energy_token: paused"
    if owner != msg.sender:
        assert erc1155.isApprovedForAll[owner][msg.sender], "energy_token: caller is not owner or approved"
        assert not staticcall IGuard(guard).frozen(msg.sender), "energy_token: account is frozen"
    assert not staticcall IGuard(guard).any_frozen(owner, to), "energy_token: account is frozen"


@internal
@pure
def _class_of(batch_id: uint256) -> uint256:
    """
    @dev Returns the class that a batch fuses into.
    @param batch_id The 32-byte batch id.
    @return uint256 The class id: the utility's code.
    """
    return (batch_id >> 32) & 255


@internal
@view
def _total_supply(id: uint256) -> uint256:
    """
    @dev Returns how much of an id exists.
    @param id The 32-byte class or batch id.
    @return uint256 The amount in µWh.
    """
    if id & BATCH_BIT != 0:
        return erc1155.total_supply[id]
    if id > CLASS_MAX:
        return 0
    return staticcall ITreasury(treasury).issued(convert(id, uint8)) - self._outside[id]


@internal
def _mint(to: address, id: uint256, amount: uint256):
    """
    @dev Credits new tokens: the writes and the log of snekmate's `_safe_mint`, without its arrays and copies.
    @param to The 20-byte address that is credited.
    @param id The 32-byte class or batch id.
    @param amount The amount in µWh.
    """
    assert msg.sender == treasury, "energy_token: access is denied"
    assert to != empty(address), "energy_token: mint to the zero address"
    erc1155.balanceOf[to][id] += amount
    if id & BATCH_BIT != 0:
        erc1155.total_supply[id] += amount
        self._outside[self._class_of(id)] += amount
    log IERC1155.TransferSingle(_operator=msg.sender, _from=empty(address), _to=to, _id=id, _value=amount)


@internal
def _debit(owner: address, id: uint256, amount: uint256):
    """
    @dev Takes tokens off a balance.
    @param owner The 20-byte address of the owner.
    @param id The 32-byte class or batch id.
    @param amount The amount in µWh.
    """
    balance: uint256 = erc1155.balanceOf[owner][id]
    assert balance >= amount, "energy_token: amount exceeds balance"
    erc1155.balanceOf[owner][id] = unsafe_sub(balance, amount)


@internal
def _burn(owner: address, id: uint256, amount: uint256):
    """
    @dev Destroys tokens.
    @param owner The 20-byte address of the owner.
    @param id The 32-byte class or batch id.
    @param amount The amount in µWh.
    """
    self._check_may_move(owner, owner)
    self._debit(owner, id, amount)
    if id & BATCH_BIT != 0:
        # It was outside its class already and stays there.
        erc1155.total_supply[id] -= amount
    else:
        self._outside[id] += amount
    log IERC1155.TransferSingle(_operator=msg.sender, _from=owner, _to=empty(address), _id=id, _value=amount)
